#!/usr/bin/env bash
# WebKitGTK's player breaks where a server answers an open range with a part of it, which HTTP allows.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb, gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad,
#           gstreamer1.0-libav, ffmpeg for a film of 300 s and 150 MB (Debian 12). Needs root for apt-get.
# Setup: one MP4 on a web server under two names. Under the one `Range: bytes=N-` is answered to the file's end. Under the other it is answered
#        with the 8 MiB from N on, as a 206 with a right Content-Range, the file's whole length in it. (RFC 9110, 15.3.7: a server may send a
#        subset of what was asked for.) A page without a Service Worker seeks to six places in turn.
# Seen:  the first film does it all. The second stops with MEDIA_ERR_DECODE, though each of its answers is right.
# So:    whoever caps open ranges, to bound what a reader who has left still costs, breaks films in WebKit. Answer them to the end.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
version=2.50.6-1~deb12u2
export DEBIAN_FRONTEND=noninteractive
if ! dpkg-query -W -f '${Version}\n' libwebkit2gtk-4.1-0 gir1.2-webkit2-4.1 2>/dev/null | grep -qx "$version" || ! command -v ffmpeg >/dev/null; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "libwebkit2gtk-4.1-0=$version" "gir1.2-webkit2-4.1=$version" python3-gi xvfb xauth \
    gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav ffmpeg >/dev/null
fi
cd "$folder"
ffmpeg -v error -f lavfi -i "testsrc2=size=320x180:rate=10:duration=300,noise=alls=60:allf=t" -c:v libx264 -preset ultrafast -b:v 4M -minrate 4M \
  -maxrate 4M -bufsize 4M -pix_fmt yuv420p -g 10 -movflags +faststart film.mp4
cat >index.html <<'HTML'
<!doctype html>
<body>
<script type="module">
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, 1000 * n));
  const say = async (text) => {
    document.title = text;
    await seconds(0.3);
  };
  const CODES = { 2: "MEDIA_ERR_NETWORK", 3: "MEDIA_ERR_DECODE", 4: "MEDIA_ERR_SRC_NOT_SUPPORTED" };
  const heard = (video, event) =>
    new Promise((resolve, reject) => {
      const fail = () => reject(new Error(CODES[video.error.code]));
      if (video.error !== null) fail();
      video.addEventListener(event, resolve, { once: true });
      video.addEventListener("error", fail, { once: true });
      setTimeout(() => reject(new Error(`no ${event} within 30 s`)), 30_000);
    });
  for (const name of ["whole", "parts"]) {
    const video = document.createElement("video");
    Object.assign(video, { muted: true, preload: "auto", src: `/${name}.mp4` });
    document.body.append(video);
    const places = [];
    try {
      await heard(video, "loadeddata");
      for (const place of [100, 20, 150, 60, 250, 7]) {
        video.currentTime = place;
        await heard(video, "seeked");
        places.push(place);
      }
      await say(`${name}: all places shown`);
    } catch (error) {
      await say(`${name}: shown ${places.join(", ") || "none"}, then ${error.message}`);
    }
    video.remove();
    video.removeAttribute("src");
    video.load();
  }
  document.title = "end";
</script>
HTML
cat >server.py <<'PYTHON'
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZE = os.path.getsize("film.mp4")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if not self.path.endswith(".mp4"):
            return self.send(200, open("index.html", "rb").read() if self.path == "/" else b"", "text/html")
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or SIZE - 1)) if asked else (0, SIZE - 1)
        if asked and self.path == "/parts.mp4":
            last = min(last, first + 8 * 2**20 - 1)
        with open("film.mp4", "rb") as film:
            film.seek(first)
            body = film.read(last - first + 1)
        try:
            self.send(206 if asked else 200, body, "video/mp4", f"bytes {first}-{last}/{SIZE}" if asked else None)
        except OSError:
            self.close_connection = True

    def send(self, status, body, kind, content_range=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
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
settings = WebKit2.Settings()
settings.set_property("media-playback-requires-user-gesture", False)
window = Gtk.Window()
view = WebKit2.WebView(settings=settings)
view.connect("notify::title", hear)
window.add(view)
window.show_all()
view.load_uri(sys.argv[1])
GLib.timeout_add_seconds(240, Gtk.main_quit)
Gtk.main()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 server.py "$port" >/dev/null 2>&1 &
sleep 1
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
grep -qx "WebKitGTK 2 50 6" seen || { echo "CHANGED: another version"; exit 1; }
grep -qx "whole: all places shown" seen || { echo "CHANGED: a film whose open ranges are answered to the end"; exit 1; }
grep -qE "^parts: shown .*, then MEDIA_ERR_DECODE$" seen || { echo "CHANGED: a film whose open ranges are answered in parts"; exit 1; }
