import shaka from "shaka-player";
import { addPlayer, loaded } from "../addPlayer.js";

export async function read(url) {
  shaka.polyfill.installAll();
  const video = addPlayer();
  const player = new shaka.Player();
  // WebKit's own HLS would be taken instead.
  player.configure("streaming.preferNativeHls", false);
  await player.attach(video);
  const isLoaded = loaded(video);
  await player.load(url).catch((error) => {
    throw new Error(`shaka-player's error ${error.code}: ${JSON.stringify(error.data)}`);
  });
  return isLoaded;
}
