import videojs from "video.js";
import { addPlayer, loaded } from "../addPlayer.js";

export async function read(url) {
  const video = addPlayer();
  const player = videojs(video, { preload: "auto" });
  // It gives the id to an element around the player.
  player.el().id = "player";
  video.id = "film";
  // It decides by the URL's extension, which a handle does not have.
  const type = new URL(url).pathname.endsWith(".m3u8") ? "application/x-mpegURL" : "video/mp4";
  player.src({ src: url, type });
  return loaded(video);
}
