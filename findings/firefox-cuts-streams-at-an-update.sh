#!/usr/bin/env bash
# An update of a Service Worker cuts what the old worker streams in Firefox, and the page takes the stump for the whole.
#
# Packages: firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a worker answers by a ReadableStream of ten pieces, one a second. In the middle a new version of its script is found, which calls
#        skipWaiting() when it is installed. Once the old worker gives nothing to waitUntil(), once a promise that outlasts the stream.
# Seen:  Chromium lets the new worker in when the stream has ended, both times. Firefox lets it in at once where nothing was given to
#        waitUntil(): the stream ends early, and response.text() resolves with what had come, without an error. With the promise Firefox waits.
# So:    a worker that streams gives waitUntil() a promise that lasts as long as the body. And as long as that lasts no update comes in: a body
#        that a paused player holds would keep it out for ever.
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

const PIECES = 10;
const PIECE = 1_000;
const workerOf = (version) => `
  const version = ${version};
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    const { pathname, search } = new URL(event.request.url);
    if (pathname !== "/slow") return;
    let sent = 0;
    let end;
    const ended = new Promise((resolve) => { end = resolve; });
    if (search === "?lasting") event.waitUntil(ended);
    event.respondWith(new Response(new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        if (sent++ < ${PIECES}) return controller.enqueue(new Uint8Array(${PIECE}).fill(97));
        controller.close();
        end();
      },
    }, { highWaterMark: 0 })));
  });`;
let version = 1;
const server = createServer(({ url }, response) => {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Content-Type", url === "/worker.js" ? "text/javascript" : "text/html");
  response.end(url === "/worker.js" ? workerOf(version) : "<!doctype html><title>page</title>");
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
  for (const query of ["?bare", "?lasting"]) {
    const page = await running.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.evaluate(async () => {
      const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
      const registration = await navigator.serviceWorker.register("/worker.js");
      await registration.update();
      while (navigator.serviceWorker.controller === null || registration.installing || registration.waiting) await pause();
    });
    version++;
    const line = await page.evaluate(async (query, whole) => {
      const registration = await navigator.serviceWorker.getRegistration();
      const changed = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
      const response = await fetch(`/slow${query}`);
      const body = response.text().then(({ length }) => (length === whole ? "the whole" : "a stump, taken for the whole"), (error) => error.name);
      await registration.update();
      const outcome = await body;
      await changed;
      return outcome;
    }, query, PIECES * PIECE);
    seen.push(`${browser}, ${query.slice(1)}: ${line}`);
    console.log(seen.at(-1));
    await page.close();
  }
  await running.close();
}
server.close();
const expected = [
  "chrome, bare: the whole",
  "chrome, lasting: the whole",
  "firefox, bare: a stump, taken for the whole",
  "firefox, lasting: the whole",
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 150 node seen.mjs
