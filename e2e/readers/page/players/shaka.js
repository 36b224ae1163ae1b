import shaka from "shaka-player";
import { addPlayer, loaded } from "../addPlayer.js";

export async function play(url) {
  shaka.polyfill.installAll();
  const video = addPlayer();
  const player = new shaka.Player();
  player.configure("streaming.preferNativeHls", false);
  player.configure("abr.enabled", false);
  await player.attach(video);
  const isLoaded = loaded(video);
  await player.load(url).catch((error) => {
    throw new Error(`shaka-player's error ${error.code}: ${JSON.stringify(error.data)}`);
  });
  await isLoaded;
  return async (height) => {
    if (video.videoHeight === height) return;
    const isShown = new Promise((resolve) => video.addEventListener("resize", resolve, { once: true }));
    player.selectVariantTrack(
      player.getVariantTracks().find((track) => track.height === height),
      true,
    );
    await isShown;
  };
}
