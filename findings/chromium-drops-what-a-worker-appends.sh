#!/usr/bin/env bash
# What a Service Worker appends to a header that its Response has already is lost in Chromium.
#
# Packages: chromium 156.0.8078.114 and firefox-esr 153.8.0 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a worker makes `new Response("made", { headers: { "Server-Timing": "one" } })`, and then `response.headers.append("Server-Timing", "two")`. It also makes one
#        from a Headers object to which both were appended before, and one whose second header has a name of its own. A page fetches each.
# Seen:  in the worker `headers.get` gives "one, two" in both browsers. Firefox's page sees "one, two". Chromium's sees "one" where it was appended to the
#        Response, and "one, two" where it was appended before. A new name that is appended to the Response comes.
# So:    metrics, links and policies that a worker adds to an answer of its own go missing without a word, in one browser. It has to write the
#        whole value by `set`.
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
  const kinds = {
    "/appended-later"() {
      const response = new Response("made", { headers: { "Server-Timing": "one" } });
      response.headers.append("Server-Timing", "two");
      return response;
    },
    "/appended-before"() {
      const headers = new Headers({ "Server-Timing": "one" });
      headers.append("Server-Timing", "two");
      return new Response("made", { headers });
    },
    "/another-name"() {
      const response = new Response("made", { headers: { "Server-Timing": "one" } });
      response.headers.append("X-Other", "two");
      return response;
    },
  };
  addEventListener("fetch", (event) => {
    const make = kinds[new URL(event.request.url).pathname];
    if (!make) return;
    const response = make();
    response.headers.set("X-In-The-Worker", response.headers.get("Server-Timing"));
    event.respondWith(response);
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
  const lines = await page.evaluate(async () => {
    await navigator.serviceWorker.register("/worker.js");
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 50));
    const lines = [];
    for (const path of ["/appended-later", "/appended-before", "/another-name"]) {
      const { headers } = await fetch(path);
      lines.push(`${path}: in the worker "${headers.get("X-In-The-Worker")}", in the page "${headers.get("Server-Timing")}", other "${headers.get("X-Other")}"`);
    }
    return lines;
  });
  for (const line of lines) {
    seen.push(`${browser} ${line}`);
    console.log(seen.at(-1));
  }
  await running.close();
}
server.close();
const expected = ["chrome", "firefox"].flatMap((browser) => [
  `${browser} /appended-later: in the worker "one, two", in the page "${browser === "chrome" ? "one" : "one, two"}", other "null"`,
  `${browser} /appended-before: in the worker "one, two", in the page "one, two", other "null"`,
  `${browser} /another-name: in the worker "one", in the page "one", other "two"`,
]);
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log("CHANGED");
  process.exit(1);
}
JS
timeout 120 node seen.mjs
