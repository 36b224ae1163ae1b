#!/usr/bin/env bash
# Chromium plays HLS by itself, but no playlist that a Service Worker has put together.
#
# Packages: chromium 156.0.8078.114 (Debian 12, 156.0.8078.114-1~deb12u1), ffmpeg (Debian 12) for a film of 6 s in MPEG-TS segments,
#           puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: one playlist, asked for in three ways: from the web server with no worker; through a worker that passes on what fetch() brought; through
#        a worker that reads the same bytes and answers `new Response(bytes)` with the same Content-Type. Segments come from the web server.
# Seen:  canPlayType("application/vnd.apple.mpegurl") says "maybe" each time. The first two play. The third fails with
#        DEMUXER_ERROR_COULD_NOT_PARSE, though fetch() in the page gets the very same bytes.
# So:    code that prefers the browser's own HLS where canPlayType allows it, and takes hls.js otherwise, breaks with a worker that serves
#        playlists itself. Ask Hls.isSupported() first.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=156.0.8078.114-1~deb12u1
export DEBIAN_FRONTEND=noninteractive
if [ "$(dpkg-query -W -f '${Version}' chromium 2>/dev/null)" != "$version" ] || ! command -v ffmpeg >/dev/null; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "chromium=$version" ffmpeg >/dev/null
fi
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1
mkdir site
ffmpeg -v error -f lavfi -i testsrc=size=320x180:rate=25:duration=6 -c:v libx264 -pix_fmt yuv420p -g 50 \
  -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_filename 'site/film%d.ts' site/film.m3u8
cat >seen.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { launch } from "puppeteer-core";

const TYPES = { m3u8: "application/vnd.apple.mpegurl", ts: "video/mp2t", js: "text/javascript", html: "text/html" };
const WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    const { search } = new URL(event.request.url);
    if (search === "?passed") event.respondWith(fetch(event.request));
    if (search === "?made") event.respondWith(make(event.request.url));
  });
  async function make(url) {
    const bytes = await (await fetch(url)).arrayBuffer();
    return new Response(bytes, { headers: { "Content-Type": "${TYPES.m3u8}", "Content-Length": String(bytes.byteLength) } });
  }`;
const server = createServer(({ url }, response) => {
  const { pathname } = new URL(url, "http://x");
  const type = TYPES[pathname.split(".").at(-1)] ?? TYPES.html;
  response.setHeader("Content-Type", type);
  if (pathname === "/worker.js") return response.end(WORKER);
  response.end(type === TYPES.html ? "<!doctype html><title>page</title>" : readFileSync(`site${pathname}`));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await launch({
  executablePath: "/usr/bin/chromium",
  args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run", "--autoplay-policy=no-user-gesture-required"],
});
console.log(await browser.version());
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.evaluate(async () => {
  await navigator.serviceWorker.register("/worker.js");
  while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
});
const seen = [];
for (const way of ["", "?passed", "?made"]) {
  const outcome = await page.evaluate(async (way) => {
    const video = document.createElement("video");
    video.muted = true;
    const said = video.canPlayType("application/vnd.apple.mpegurl");
    const ended = new Promise((resolve) => {
      video.addEventListener("error", () => resolve(/[A-Z_]+ERROR[A-Z_]*/.exec(video.error.message)?.[0] ?? video.error.message));
      video.addEventListener("timeupdate", () => video.currentTime > 1 && resolve("plays"));
    });
    video.src = `/film.m3u8${way}`;
    document.body.append(video);
    video.play().catch(() => undefined);
    return `canPlayType "${said}", ${await ended}`;
  }, way);
  const bytes = (text) => page.evaluate(async (url) => (await fetch(url)).text(), text);
  const isSame = (await bytes(`/film.m3u8${way}`)) === readFileSync("site/film.m3u8", "utf8");
  seen.push(`${way || "no worker"}: ${outcome}, bytes ${isSame ? "the same" : "others"}`);
  console.log(seen.at(-1));
}
await browser.close();
server.close();
const expected = [
  'no worker: canPlayType "maybe", plays, bytes the same',
  '?passed: canPlayType "maybe", plays, bytes the same',
  '?made: canPlayType "maybe", DEMUXER_ERROR_COULD_NOT_PARSE, bytes the same',
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 120 node seen.mjs
