import { spawnSync } from "node:child_process";
import { installDebianPackages } from "./installDebianPackages.mjs";

/**
 * Makes sure of an ffmpeg with H.264, which makes the presentations of HLS and DASH that the tests play.
 * @returns {Promise<{ path: string } | { missing: string }>} its program, or why there is none
 */
export async function prepareFfmpeg() {
  if (encodesH264() || ((await installDebianPackages(["ffmpeg"])) && encodesH264())) return { path: "ffmpeg" };
  return { missing: "no ffmpeg with libx264 was found or could be installed" };
}

function encodesH264() {
  const { stdout } = spawnSync("ffmpeg", ["-hide_banner", "-encoders"], { encoding: "utf8", timeout: 30_000 });
  return stdout?.includes("libx264") ?? false;
}
