import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { versionOf } from "./versionOf.mjs";

const names = ["firefox-esr", "firefox"];

/**
 * A Firefox that starts, and plays MP4: $GRIDFETCH_FIREFOX, else one of the system's. Not playwright's build: that one is patched, and
 * speaks a protocol of its own instead of WebDriver BiDi.
 * @returns {{ path: string, version: string } | undefined}
 * @throws Error when $GRIDFETCH_FIREFOX is set and does not start
 */
export function findFirefox() {
  const chosen = process.env.GRIDFETCH_FIREFOX;
  if (chosen) {
    const version = versionOf(chosen);
    if (version === undefined) throw new Error(`GRIDFETCH_FIREFOX is ${chosen}, but that does not start.`);
    return { path: chosen, version };
  }
  if (!hasCodecs()) return undefined;
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const version = existsSync(path) ? versionOf(path) : undefined;
    if (version !== undefined) return { path, version };
  }
  return undefined;
}

/** On Linux, Firefox decodes H.264 by the system's FFmpeg. */
function hasCodecs() {
  if (process.platform !== "linux") return true;
  // Debian has it where only root's PATH leads.
  const { stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  return /^\s*libavcodec\.so\./m.test(stdout ?? "");
}
