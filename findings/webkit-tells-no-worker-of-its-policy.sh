#!/usr/bin/env bash
# WebKitGTK tells a page of a request that its Content-Security-Policy forbids, and tells a worker nothing.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb (Debian 12). Needs root for apt-get.
# Setup: a page, a dedicated worker and a Service Worker, each served with `connect-src 'self'` by Python's own web server. Each listens for
#        `securitypolicyviolation` on its global object, fetches an address of another origin, and waits for three seconds.
# Seen:  all three fetches fail with the same TypeError, and no request is made. The event comes in the page. It comes in neither of the workers,
#        though WorkerGlobalScope is one of its targets (CSP 3, 5.5), and `SecurityPolicyViolationEvent` is a global there.
# So:    a worker cannot tell a policy that forbids its servers from servers that are away. Say in the error's text that it may be either.
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
cat >site/look.js <<'JS'
self.look = async (stranger) => {
  const events = [];
  addEventListener("securitypolicyviolation", ({ effectiveDirective }) => events.push(effectiveDirective));
  const outcome = await fetch(stranger).then(() => "answered", ({ name }) => name);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  return `${typeof SecurityPolicyViolationEvent}, fetch: ${outcome}, events: ${events.join(" ") || "none"}`;
};
JS
cat >site/worker.js <<'JS'
importScripts("/look.js");
addEventListener("install", () => skipWaiting());
addEventListener("message", async ({ data, ports }) => ports[0].postMessage(await look(data)));
JS
cat >site/index.html <<'HTML'
<!doctype html>
<script src="/look.js"></script>
<script type="module">
  const stranger = `http://127.0.0.1:${Number(location.port) + 1}/`;
  const say = async (text) => {
    document.title = text;
    await new Promise((resolve) => setTimeout(resolve, 300));
  };
  const ask = (worker) =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => resolve(data);
      worker.postMessage(stranger, [port2]);
    });
  await say(`page: ${await look(stranger)}`);
  await say(`dedicated worker: ${await ask(new Worker("/worker.js"))}`);
  await navigator.serviceWorker.register("/worker.js");
  await say(`service worker: ${await ask((await navigator.serviceWorker.ready).active)}`);
  document.title = "end";
</script>
HTML
cat >server.py <<'PYTHON'
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Site(SimpleHTTPRequestHandler):
    def __init__(self, *args):
        super().__init__(*args, directory="site")

    def end_headers(self):
        self.send_header("Content-Security-Policy", "connect-src 'self'")
        super().end_headers()


class Stranger(SimpleHTTPRequestHandler):
    def do_GET(self):
        print("the stranger was asked", flush=True)
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()


port = int(sys.argv[1])
Thread(target=ThreadingHTTPServer(("127.0.0.1", port + 1), Stranger).serve_forever, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
PYTHON
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
GLib.timeout_add_seconds(90, Gtk.main_quit)
Gtk.main()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 server.py "$port" >asked 2>/dev/null &
sleep 1
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
for line in "WebKitGTK 2 50 6" "page: function, fetch: TypeError, events: connect-src" "dedicated worker: function, fetch: TypeError, events: none" \
  "service worker: function, fetch: TypeError, events: none"; do
  grep -qxF "$line" seen || { echo "CHANGED: not seen: $line"; exit 1; }
done
[ ! -s asked ] || { echo "CHANGED: a forbidden request was made"; exit 1; }
