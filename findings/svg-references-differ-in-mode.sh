#!/usr/bin/env bash
# The two engines ask for one and the same SVG reference with different modes, and Chromium for two kinds of reference with two.
#
# Packages: firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a page refers to parts of one SVG file of its own origin: by `<use>`, as a filter, a fill, a marker, a clip path and a mask. A Service
#        Worker answers and notes the mode of each request. A picture, a background and a `mask-image` stand beside them.
# Seen:  all have the destination `image`. Firefox asks for every reference to a part with mode `same-origin`. Chromium does so for `<use>` and
#        filters alone, and asks for fills, markers, clip paths and masks with `cors`.
# So:    a worker that refuses to lend a part of a stranger's drawing to the page, by destination `image` and mode `same-origin`, refuses clip
#        paths and fills in Firefox alone. What matters is refused in both: `<use>`, which puts a stranger's elements into the page.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
declare -A versions=([chromium]=156.0.8078.114-1~deb12u1 [firefox-esr]=153.8.0esr-1~deb12u1)
export DEBIAN_FRONTEND=noninteractive
for name in "${!versions[@]}"; do
  if [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" != "${versions[$name]}" ]; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$name=${versions[$name]}" >/dev/null
  fi
done
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1
cat >seen.mjs <<'JS'
import { createServer } from "node:http";
import { launch } from "puppeteer-core";

const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><clipPath id="clip"><rect width="9" height="9"/></clipPath>
  <mask id="mask"><rect width="9" height="9" fill="white"/></mask><filter id="filter"><feFlood/></filter>
  <linearGradient id="fill"><stop stop-color="red"/></linearGradient><marker id="marker"><rect width="2" height="2"/></marker>
  <g id="use"><rect width="9" height="9"/></g></svg>`;
const PAGE = `<!doctype html><title>page</title><template>
  <svg width="50" height="50"><use href="/x.svg?use#use"/><rect width="9" height="9" fill="url(/x.svg?fill#fill)"/>
  <path d="M0 0L9 9" style="marker-end:url(/x.svg?marker#marker)"/></svg>
  <p style="clip-path:url(/x.svg?clip-path#clip)">a</p><p style="mask:url(/x.svg?mask#mask)">a</p><p style="filter:url(/x.svg?filter#filter)">a</p>
  <p style="mask-image:url(/x.svg?mask-image)">a</p><p style="background:url(/x.svg?background)">a</p><img src="/x.svg?img"></template>`;
const WORKER = `
  const seen = {};
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    const { pathname, search } = new URL(event.request.url);
    if (pathname === "/seen") event.respondWith(Response.json(seen));
    if (pathname !== "/x.svg") return;
    seen[search.slice(1)] = event.request.destination + " " + event.request.mode;
    event.respondWith(new Response(${JSON.stringify(DRAWING)}, { headers: { "Content-Type": "image/svg+xml" } }));
  });`;
const server = createServer(({ url }, response) => {
  response.setHeader("Content-Type", url === "/worker.js" ? "text/javascript" : "text/html");
  response.end(url === "/worker.js" ? WORKER : PAGE);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const options = {
  chrome: {
    executablePath: "/usr/bin/chromium",
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  },
  firefox: { executablePath: "/usr/bin/firefox-esr" },
};
const cases = ["background", "clip-path", "fill", "filter", "img", "marker", "mask", "mask-image", "use"];
const seen = [];
for (const browser of ["chrome", "firefox"]) {
  const running = await launch({ browser, ...options[browser] });
  console.log(await running.version());
  const page = await running.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const modes = await page.evaluate(async (count) => {
    await navigator.serviceWorker.register("/worker.js");
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
    while (navigator.serviceWorker.controller === null) await pause();
    document.body.append(document.querySelector("template").content);
    for (;;) {
      const modes = await (await fetch("/seen")).json();
      if (Object.keys(modes).length === count) return modes;
      await pause();
    }
  }, cases.length);
  for (const name of cases) {
    seen.push(`${browser}: ${name}: ${modes[name]}`);
    console.log(seen.at(-1));
  }
  await running.close();
}
server.close();
const same = new Set(["use", "filter", "fill", "marker", "clip-path", "mask"]);
const inChromium = (name) => (name === "use" || name === "filter" ? "same-origin" : same.has(name) || name === "mask-image" ? "cors" : "no-cors");
const inFirefox = (name) => (same.has(name) ? "same-origin" : name === "mask-image" ? "cors" : "no-cors");
const expected = [
  ...cases.map((name) => `chrome: ${name}: image ${inChromium(name)}`),
  ...cases.map((name) => `firefox: ${name}: image ${inFirefox(name)}`),
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 120 node seen.mjs
