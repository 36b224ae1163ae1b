import { MediaPlayer } from "dashjs";
import { addPlayer, loaded } from "../addPlayer.js";

export async function read(url) {
  const video = addPlayer();
  const player = MediaPlayer().create();
  const failed = new Promise((_, reject) => {
    player.on(MediaPlayer.events.ERROR, ({ error }) => reject(new Error(error.message)));
  });
  player.initialize(video, url, false);
  return Promise.race([loaded(video), failed]);
}
