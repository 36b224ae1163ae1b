import videojs from "video.js";
import { addPlayer, loaded } from "../addPlayer.js";

export async function play(url) {
  const video = addPlayer();
  const player = videojs(video, { preload: "auto" });
  // It gives the id to an element around the player.
  player.el().id = "player";
  video.id = "film";
  player.src(url);
  await loaded(video);
  return (height) => {
    const { vhs } = player.tech({ IWillNotUseThisInPlugins: true });
    for (const each of vhs.representations()) each.enabled(each.height === height);
  };
}
