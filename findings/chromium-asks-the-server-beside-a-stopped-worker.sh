#!/usr/bin/env bash
# Chromium sends a navigation that a Service Worker answers to the web server as well, whenever the worker is not running.
#
# Packages: chromium 156.0.8078.114 (Debian 12, 156.0.8078.114-1~deb12u1), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: no flag that names the feature. A worker answers every URL under /secret/ by itself and never fetches. A page that it controls is
#        navigated there four times: worker running, worker stopped (as after 30 s of idleness), and both again with a worker that has
#        called event.addRoutes({ condition: /secret/, source: "fetch-event" }) while it was installed.
# Seen:  each time the page shows the worker's answer. With the worker stopped and no route the web server gets the whole address too.
# So:    an address that only the worker may see does not stay in the browser: the request races the worker's start. A static route of
#        source "fetch-event" turns that off for the addresses that it names; fetch(), pictures and frames are not concerned.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=156.0.8078.114-1~deb12u1
export DEBIAN_FRONTEND=noninteractive
if [ "$(dpkg-query -W -f '${Version}' chromium 2>/dev/null)" != "$version" ]; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "chromium=$version" >/dev/null
fi
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1
cat >seen.mjs <<'JS'
import { createServer } from "node:http";
import { launch } from "puppeteer-core";

const worker = (routes) => `
  addEventListener("install", (event) => {
    ${routes ? 'event.addRoutes({ condition: { urlPattern: new URLPattern({ pathname: "/secret/*" }) }, source: "fetch-event" });' : ""}
    skipWaiting();
  });
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).pathname.startsWith("/secret/"))
      event.respondWith(new Response("<title>worker</title>", { headers: { "Content-Type": "text/html" } }));
  });`;
const asked = [];
const server = createServer(({ url }, response) => {
  asked.push(url);
  const script = /^\/worker-(plain|routes)\.js/.exec(url)?.[1];
  response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
  response.end(script ? worker(script === "routes") : "<title>server</title>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const seen = [];
for (const kind of ["plain", "routes"]) {
  const browser = await launch({
    executablePath: "/usr/bin/chromium",
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  if (kind === "plain") console.log(await browser.version());
  const page = await browser.newPage();
  await page.goto(origin);
  await page.evaluate(async (script) => {
    await navigator.serviceWorker.register(script);
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
  }, `/worker-${kind}.js`);
  for (const state of ["running", "stopped"]) {
    if (state === "stopped") {
      const session = await page.createCDPSession();
      await session.send("ServiceWorker.enable");
      await session.send("ServiceWorker.stopAllWorkers");
      await session.detach();
    }
    const path = `/secret/${kind}-${state}`;
    await page.goto(origin + path);
    const title = await page.title();
    // The server's own request may come a little later than the worker's answer.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    seen.push(`${kind}, worker ${state}: answered by the ${title}, server ${asked.includes(path) ? "asked too" : "not asked"}`);
    console.log(seen.at(-1));
  }
  await browser.close();
}
server.close();
const expected = [
  "plain, worker running: answered by the worker, server not asked",
  "plain, worker stopped: answered by the worker, server asked too",
  "routes, worker running: answered by the worker, server not asked",
  "routes, worker stopped: answered by the worker, server not asked",
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
node seen.mjs
