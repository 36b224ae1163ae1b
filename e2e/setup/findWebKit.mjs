import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Debian's packages: the engine with its driver, an X server, what plays films, what e2e/testing/webkit/browser.py is made with. */
export const webKitPackages = [
  "webkit2gtk-driver",
  "libwebkit2gtk-4.1-0",
  "gir1.2-webkit2-4.1",
  "python3-gi",
  "xvfb",
  "xauth",
  "gstreamer1.0-plugins-base",
  "gstreamer1.0-plugins-good",
  "gstreamer1.0-plugins-bad",
  "gstreamer1.0-libav",
  "fonts-dejavu-core",
];

const ASK =
  "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2 as w; " +
  "print(w.get_major_version(), w.get_minor_version(), w.get_micro_version(), sep='.')";

/**
 * A WebKitGTK that can be driven, on a display of its own, and plays MP4. Linux has no Safari, but this is its engine.
 * @returns {{ version: string } | undefined}
 */
export function findWebKit() {
  const known = process.env.GRIDFETCH_WEBKIT;
  if (known) return { version: known };
  // Xvfb's own answer to -version is a failure; that it starts is enough.
  const isWhole = starts("WebKitWebDriver", ["--version"]) && starts("Xvfb", ["-help"]) && hasCodecs();
  if (!isWhole) return undefined;
  const { status, stdout } = spawnSync("/usr/bin/python3", ["-c", ASK], { encoding: "utf8", timeout: 30_000 });
  return status === 0 ? { version: `WebKitGTK ${stdout.trim()}` } : undefined;
}

/** @param {string} program @param {readonly string[]} args */
function starts(program, args) {
  return spawnSync(program, args, { timeout: 30_000 }).error === undefined;
}

/** WebKitGTK decodes H.264 by GStreamer's part that stands on FFmpeg. */
function hasCodecs() {
  const libraries = "/usr/lib";
  if (!existsSync(libraries)) return false;
  return readdirSync(libraries).some((each) => existsSync(join(libraries, each, "gstreamer-1.0/libgstlibav.so")));
}
