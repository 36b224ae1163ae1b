import Hls from "hls.js";
import { addPlayer, loaded } from "../addPlayer.js";

export async function read(url) {
  const video = addPlayer();
  const hls = new Hls();
  const failed = new Promise((_, reject) => {
    hls.on(Hls.Events.ERROR, (_event, { fatal, details }) => fatal && reject(new Error(details)));
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return Promise.race([loaded(video), failed]);
}
