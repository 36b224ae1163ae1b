#!/usr/bin/env bash
# WebKitGTK pulls the whole body of a Service Worker's answer for a request that was dropped before it was answered.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb (Debian 12). Needs root for apt-get.
# Setup: a worker answers with a ReadableStream of 60,000,000 bytes. A page calls fetch() and aborts it, once after the answer's
#        headers have come, once before the worker has called respondWith's promise to its end.
# Seen:  aborted after the headers, the stream's cancel() is called and little was pulled. Aborted before, the stream is pulled to its last
#        byte at full speed, cancel() is never called, and the request's own signal never aborts in either case.
# So:    a worker that answers slowly (a seek in a film whose first byte takes a second) goes on for a reader who has left. Let it answer
#        before it has the body's first bytes: what is dropped after that is cancelled.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
version=2.50.6-1~deb12u2
export DEBIAN_FRONTEND=noninteractive
if ! dpkg-query -W -f '${Version}\n' libwebkit2gtk-4.1-0 gir1.2-webkit2-4.1 2>/dev/null | grep -qx "$version"; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "libwebkit2gtk-4.1-0=$version" "gir1.2-webkit2-4.1=$version" python3-gi xvfb xauth >/dev/null
fi
cd "$folder"
mkdir site
cat >site/worker.js <<'JS'
const SIZE = 60_000_000;
const PIECE = 100_000;
const told = { pulled: 0, cancelled: false, aborted: false };
addEventListener("install", (event) => event.waitUntil(skipWaiting()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.pathname === "/told") event.respondWith(Response.json(told));
  if (url.pathname === "/large") event.respondWith(answer(event.request, Number(url.searchParams.get("wait"))));
});
async function answer(request, wait) {
  Object.assign(told, { pulled: 0, cancelled: false, aborted: false });
  request.signal.addEventListener("abort", () => { told.aborted = true; });
  await new Promise((resolve) => setTimeout(resolve, wait));
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue(new Uint8Array(PIECE));
      told.pulled += PIECE;
      if (told.pulled === SIZE) controller.close();
    },
    cancel() { told.cancelled = true; },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "Content-Length": String(SIZE) } });
}
JS
cat >site/index.html <<'HTML'
<!doctype html>
<script type="module">
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, 1000 * n));
  await navigator.serviceWorker.register("/worker.js");
  while (navigator.serviceWorker.controller === null) await seconds(0.1);
  for (const [when, wait] of [["after the headers", 0], ["before the answer", 4000]]) {
    const stop = new AbortController();
    const asked = fetch(`/large?wait=${wait}`, { signal: stop.signal });
    if (wait === 0) await asked;
    else await seconds(1.5);
    stop.abort();
    await asked.catch(() => undefined);
    for (let pulled = -1; ; ) {
      await seconds(5);
      const told = await (await fetch("/told")).json();
      if (told.pulled === pulled) {
        const share = pulled === 60_000_000 ? "the whole" : pulled < 30_000_000 ? "less than half" : `${pulled} bytes`;
        document.title = `aborted ${when}: ${share} pulled, cancelled: ${told.cancelled}, signal aborted: ${told.aborted}`;
        break;
      }
      pulled = told.pulled;
    }
    await seconds(0.5);
  }
  document.title = "end";
</script>
HTML
cat >browser.py <<'PYTHON'
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2


def hear(view, _):
    if view.get_title() == "end":
        Gtk.main_quit()
    elif view.get_title():
        print(view.get_title(), flush=True)


print("WebKitGTK", WebKit2.get_major_version(), WebKit2.get_minor_version(), WebKit2.get_micro_version(), flush=True)
window = Gtk.Window()
view = WebKit2.WebView()
view.connect("notify::title", hear)
window.add(view)
window.show_all()
view.load_uri(sys.argv[1])
GLib.timeout_add_seconds(180, Gtk.main_quit)
Gtk.main()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 --directory site "$port" >/dev/null 2>&1 &
sleep 1
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
grep -qx "WebKitGTK 2 50 6" seen || { echo "CHANGED: another version"; exit 1; }
grep -qx "aborted after the headers: less than half pulled, cancelled: true, signal aborted: false" seen || { echo "CHANGED: aborted after the headers"; exit 1; }
grep -qx "aborted before the answer: the whole pulled, cancelled: false, signal aborted: false" seen || { echo "CHANGED: aborted before the answer"; exit 1; }
