import Hls from "hls.js";
import { addPlayer, loaded } from "../addPlayer.js";

export async function play(url) {
  const video = addPlayer();
  const hls = new Hls();
  const failed = new Promise((_, reject) => {
    hls.on(Hls.Events.ERROR, (_event, { fatal, details }) => fatal && reject(new Error(details)));
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  await Promise.race([loaded(video), failed]);
  hls.subtitleTrack = 0;
  return (height) => {
    hls.currentLevel = hls.levels.findIndex((level) => level.height === height);
  };
}
