#!/usr/bin/env bash
# Firefox opens WebSockets to one host one after the other even where all share one HTTP/2 connection; Chromium opens them all at once.
#
# Packages: haproxy 2.6.12 and firefox-esr 153.8.0, chromium 156.0.8078.114 (Debian 12), ws 8.23.0 and puppeteer-core 24.43.1 (npm).
#           Needs root for apt-get.
# Setup: a WebSocket server behind HAProxy (`alpn h2,http/1.1`, which offers WebSockets over HTTP/2, RFC 8441). Bytes between browser and
#        HAProxy take 200 ms each way. A page that came over HTTP/2 calls `new WebSocket` ten times in one turn.
# Seen:  neither browser makes a new TCP connection for them. In Chromium all ten are open about one round trip later. In Firefox they
#        open one after the other, a round trip each, the tenth after ten times the first.
# So:    RFC 8441 at the front spares Firefox the handshakes and not the queue, which RFC 6455 4.1 asks for by connection. What needs many
#        streams at once has to carry them in one WebSocket.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
declare -A versions=([chromium]=156.0.8078.114-1~deb12u1 [firefox-esr]=153.8.0esr-1~deb12u1 [haproxy]=2.6.12-1+deb12u4)
export DEBIAN_FRONTEND=noninteractive
for name in "${!versions[@]}"; do
  if [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" != "${versions[$name]}" ]; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$name=${versions[$name]}" >/dev/null
  fi
done
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1 ws@8.23.0
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out crt.pem 2>/dev/null
cat crt.pem key.pem >both.pem
cat >seen.mjs <<'JS'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { connect, createServer as createTcp } from "node:net";
import { launch } from "puppeteer-core";
import { WebSocketServer } from "ws";

const ONE_WAY_MS = 200;
const listen = async (server, port = 0) => {
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server.address().port;
};
const http = createHttp((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>page</title>"));
new WebSocketServer({ server: http });
const backPort = await listen(http);
const free = createTcp();
const frontPort = await listen(free);
await new Promise((resolve) => free.close(resolve));
writeFileSync("haproxy.cfg", `
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
frontend front
  bind 127.0.0.1:${frontPort} ssl crt both.pem alpn h2,http/1.1
  default_backend back
backend back
  server one 127.0.0.1:${backPort}
`);
const haproxy = spawn("haproxy", ["-f", "haproxy.cfg", "-db"], { stdio: "ignore" });
let connections = 0;
const far = createTcp((near) => {
  connections++;
  const front = connect(frontPort, "127.0.0.1");
  for (const [from, to] of [[near, front], [front, near]]) {
    from.on("data", (bytes) => setTimeout(() => to.write(bytes), ONE_WAY_MS));
    from.on("end", () => setTimeout(() => to.end(), ONE_WAY_MS));
    from.on("error", () => to.destroy());
  }
});
const farPort = await listen(far);

const options = {
  chrome: { executablePath: "/usr/bin/chromium", args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--ignore-certificate-errors", "--disable-gpu", "--disable-background-networking", "--no-first-run"] },
  firefox: { executablePath: "/usr/bin/firefox-esr", acceptInsecureCerts: true },
};
let hasChanged = false;
for (const browser of ["chrome", "firefox"]) {
  const running = await launch({ browser, ...options[browser] });
  const page = await running.newPage();
  await page.goto(`https://localhost:${farPort}/`);
  const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  const before = connections;
  const openedAfter = await page.evaluate(async (port) => {
    const begun = performance.now();
    const all = Array.from({ length: 10 }, () => new Promise((resolve, reject) => {
      const socket = new WebSocket(`wss://localhost:${port}/`);
      socket.onopen = () => resolve(performance.now() - begun);
      socket.onerror = () => reject(new Error("a socket failed"));
    }));
    return (await Promise.all(all)).sort((a, b) => a - b);
  }, farPort);
  const trips = openedAfter.map((ms) => (ms / (2 * ONE_WAY_MS)).toFixed(1));
  console.log(`${await running.version()}, page by ${protocol}: ${connections - before} new TCP connections, open after ${trips.join(" ")} round trips`);
  const isInTurn = openedAfter[9] > 5 * openedAfter[0];
  if (protocol !== "h2" || connections !== before || isInTurn !== (browser === "firefox")) hasChanged = true;
  await running.close();
}
haproxy.kill();
await once(haproxy, "exit");
if (hasChanged) console.log("CHANGED");
process.exit(hasChanged ? 1 : 0);
JS
timeout 200 node seen.mjs
