#!/usr/bin/env bash
# Firefox resolves fetch() when the first byte of the body is there. Chromium does so at the headers.
#
# Packages: firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a web server sends its headers at once and the first byte of the body 3 s later; the type is video/mp4 with nosniff, so that nobody
#        has to look at the bytes. A Service Worker answers the same way, by `new Response(stream)`. The page notes when fetch() has resolved.
# Seen:  Chromium resolves at the headers, from the server and from the worker. Firefox waits three seconds for the byte, from both.
# So:    status, size and type of an answer reach a page in Firefox no sooner than its first byte. A worker that wants a page to hear of
#        an early refusal has to refuse; one that answers early, to find out who still listens, is heard only with its first byte.
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

const WAIT_MS = 3_000;
const WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).pathname !== "/worker") return;
    const body = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, ${WAIT_MS}));
        controller.enqueue(new TextEncoder().encode("late"));
        controller.close();
      },
    }, { highWaterMark: 0 });
    event.respondWith(new Response(body, { headers: { "Content-Length": "4", "Content-Type": "video/mp4", "X-Content-Type-Options": "nosniff" } }));
  });`;
const server = createServer(({ url }, response) => {
  response.setHeader("Content-Type", url === "/worker.js" ? "text/javascript" : "text/html");
  if (url === "/worker.js") return response.end(WORKER);
  if (url !== "/server") return response.end("<!doctype html><title>page</title>");
  response.writeHead(200, { "Content-Length": "4", "Content-Type": "video/mp4", "X-Content-Type-Options": "nosniff" });
  response.flushHeaders();
  setTimeout(() => response.end("late"), WAIT_MS);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
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
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/worker.js");
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  for (const who of ["server", "worker"]) {
    // By halves of the wait: no clock is believed to the millisecond.
    const when = await page.evaluate(async (who, wait) => {
      const begun = performance.now();
      const response = await fetch(`/${who}`);
      const after = performance.now() - begun;
      await response.text();
      return after < wait / 2 ? "at the headers" : "at the first byte";
    }, who, WAIT_MS);
    seen.push(`${browser}, from the ${who}: ${when}`);
    console.log(seen.at(-1));
  }
  await running.close();
}
server.close();
const expected = [
  "chrome, from the server: at the headers",
  "chrome, from the worker: at the headers",
  "firefox, from the server: at the first byte",
  "firefox, from the worker: at the first byte",
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 120 node seen.mjs
