#!/usr/bin/env bash
# Firefox never tells by `workerStart` that a Service Worker answered.
#
# Packages: firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a worker answers a page, a frame and a fetch() by `new Response(…)`, and one more fetch() by passing it on. What was answered is looked at,
#        and then `workerStart` in the timing entries of all four (Resource Timing: when a worker was started or asked, else 0).
# Seen:  Chromium has a time in each. Firefox has 0 in each, also in the navigation's own entry, though the worker's words are on the page.
# So:    a page cannot find out by the timing entries who answered, and a test that tries to passes or fails for the wrong reason. An answer has
#        to carry a mark of its own.
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

const WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    const { pathname } = new URL(event.request.url);
    if (pathname === "/passed-on") event.respondWith(fetch(event.request));
    if (!pathname.startsWith("/made")) return;
    event.respondWith(new Response("<!doctype html><title>made</title>by the worker", { headers: { "Content-Type": "text/html" } }));
  });`;
const server = createServer(({ url }, response) => {
  response.setHeader("Content-Type", url === "/worker.js" ? "text/javascript" : "text/html");
  response.end(url === "/worker.js" ? WORKER : "<!doctype html><title>page</title>by the server");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const options = {
  chrome: {
    executablePath: "/usr/bin/chromium",
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  },
  firefox: { executablePath: "/usr/bin/firefox-esr" },
};
const seen = [];
for (const browser of ["chrome", "firefox"]) {
  const running = await launch({ browser, ...options[browser] });
  console.log(await running.version());
  const page = await running.newPage();
  await page.goto(`${origin}/`);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/worker.js");
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  await page.goto(`${origin}/made-page`);
  const entries = await page.evaluate(async () => {
    const words = [document.body.textContent];
    const frame = document.createElement("iframe");
    frame.src = "/made-frame";
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    document.body.append(frame);
    await loaded;
    words.push(frame.contentDocument.body.textContent, await (await fetch("/made-fetch")).text(), await (await fetch("/passed-on")).text());
    await new Promise((resolve) => setTimeout(resolve, 500));
    const entries = performance.getEntries().filter(({ name }) => /made|passed-on/.test(name));
    return { words, started: entries.map(({ name, workerStart }) => `${new URL(name).pathname} ${workerStart > 0 ? "a time" : "0"}`).sort() };
  });
  if (entries.words.slice(0, 3).some((text) => !text.includes("by the worker"))) throw new Error("the worker did not answer");
  for (const line of entries.started) {
    seen.push(`${browser}: ${line}`);
    console.log(seen.at(-1));
  }
  await running.close();
}
server.close();
const paths = ["/made-fetch", "/made-frame", "/made-page", "/passed-on"];
const expected = [...paths.map((path) => `chrome: ${path} a time`), ...paths.map((path) => `firefox: ${path} 0`)];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 120 node seen.mjs
