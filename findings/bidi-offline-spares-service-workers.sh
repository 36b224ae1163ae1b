#!/usr/bin/env bash
# Chromium and Firefox that WebDriver BiDi has taken offline leave the Service Worker online, and so the pages that it answers.
#
# Packages: firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm; chromium-bidi speaks BiDi for Chromium).
#           Needs root for apt-get.
# Setup: a page with a Service Worker, which passes one address on to the web server and leaves the others alone. `emulation.setNetworkConditions`
#        with the type `offline` is sent twice, each in a browser of its own: for that page, and for everything, with neither contexts
#        nor userContexts. Then the page fetches both addresses, and the worker fetches one by itself, when a message says so.
# Seen:  the same in both browsers and at both widths: navigator.onLine is false in the page, and what it fetches by itself is a TypeError.
#        What the worker fetches is answered, from the web server, for the page as for itself. The web server's log has both requests.
# So:    a test that an app works offline passes with a worker that keeps nothing. Take the web server away as well, or count its requests.
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
  const look = (url) => fetch(url).then((response) => response.text(), ({ name }) => name);
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("message", (event) => event.waitUntil(look("/worker").then((seen) => event.ports[0].postMessage(seen))));
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).pathname === "/passed") event.respondWith(fetch(event.request));
  });`;
let asked = [];
const server = createServer(({ url }, response) => {
  asked.push(url);
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Content-Type", url === "/worker.js" ? "text/javascript" : "text/html");
  response.end(url === "/worker.js" ? WORKER : url === "/" ? "<!doctype html><title>page</title>" : "answered");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const options = {
  chrome: {
    executablePath: "/usr/bin/chromium",
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  },
  firefox: { executablePath: "/usr/bin/firefox-esr" },
};
const offline = {
  "the page": (page) => page.setOfflineMode(true),
  everything: (page) => page.browser().connection.send("emulation.setNetworkConditions", { networkConditions: { type: "offline" } }),
};
const seen = [];
for (const browser of ["chrome", "firefox"]) {
  for (const [what, take] of Object.entries(offline)) {
    const running = await launch({ browser, protocol: "webDriverBiDi", ...options[browser] });
    console.log(await running.version());
    const page = await running.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.evaluate(async () => {
      await navigator.serviceWorker.register("/worker.js");
      while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
    });
    const look = () =>
      page.evaluate(async () => {
        const fetched = (url) => fetch(url).then((response) => response.text(), ({ name }) => name);
        const { port1, port2 } = new MessageChannel();
        const worker = new Promise((resolve) => port1.addEventListener("message", ({ data }) => resolve(data)));
        port1.start();
        navigator.serviceWorker.controller.postMessage("look", [port2]);
        return `onLine ${navigator.onLine}, page ${await fetched("/page")}, passed ${await fetched("/passed")}, worker ${await worker}`;
      });
    for (const when of ["online", `${what} offline`]) {
      if (when !== "online") await take(page);
      asked = [];
      seen.push(`${browser}, ${when}: ${await look()}; the server was asked for ${asked.filter((url) => url !== "/worker.js").sort().join(" ")}`);
      console.log(seen.at(-1));
    }
    await running.close();
  }
}
server.close();
const online = "online: onLine true, page answered, passed answered, worker answered; the server was asked for /page /passed /worker";
const without = "offline: onLine false, page TypeError, passed answered, worker answered; the server was asked for /passed /worker";
const expected = ["chrome", "firefox"].flatMap((browser) => Object.keys(offline).flatMap((what) => [`${browser}, ${online}`, `${browser}, ${what} ${without}`]));
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 150 node seen.mjs
