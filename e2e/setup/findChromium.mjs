import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "@playwright/test";
import { versionOf } from "./versionOf.mjs";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * A Chromium that starts: $GRIDFETCH_CHROMIUM, else playwright's own, else one of the system's.
 * @returns {{ path: string, version: string } | undefined}
 * @throws Error when $GRIDFETCH_CHROMIUM is set and does not start
 */
export function findChromium() {
  const chosen = process.env.GRIDFETCH_CHROMIUM;
  if (chosen) {
    const version = versionOf(chosen);
    if (version === undefined) throw new Error(`GRIDFETCH_CHROMIUM is ${chosen}, but that does not start.`);
    return { path: chosen, version };
  }
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = [
    chromium.executablePath(),
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  for (const path of candidates) {
    // Asking it matters: Ubuntu's chromium-browser is a script that only says how to get one.
    const version = existsSync(path) ? versionOf(path) : undefined;
    if (version !== undefined) return { path, version };
  }
  return undefined;
}
