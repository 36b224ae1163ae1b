import { MediaPlayer } from "dashjs";
import { addPlayer, loaded } from "../addPlayer.js";

export async function play(url) {
  const video = addPlayer();
  const player = MediaPlayer().create();
  const failed = new Promise((_, reject) => {
    player.on(MediaPlayer.events.ERROR, ({ error }) => reject(new Error(error.message)));
  });
  player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
  player.initialize(video, url, false);
  await Promise.race([loaded(video), failed]);
  return (height) => {
    const wanted = player.getRepresentationsByType("video").find((each) => each.height === height);
    player.setRepresentationForTypeById("video", wanted.id, true);
  };
}
