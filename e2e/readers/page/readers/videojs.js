import videojs from "video.js";
import { addPlayer, loaded } from "../addPlayer.js";

export async function read(url) {
  const video = addPlayer();
  const player = videojs(video, { preload: "auto" });
  // It gives the id to an element around the player.
  player.el().id = "player";
  video.id = "film";
  player.src(url);
  return loaded(video);
}
