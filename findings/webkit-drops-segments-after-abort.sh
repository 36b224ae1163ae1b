#!/usr/bin/env bash
# WebKitGTK with GStreamer 1.22 drops what is appended after SourceBuffer.abort(), without an error, so shaka-player plays no HLS there.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb, gstreamer1.0-plugins-good 1.22.0, -bad and
#           gstreamer1.0-libav, ffmpeg for a film of 6 s in three segments of fragmented MP4; firefox-esr 153.8.0 and chromium
#           156.0.8078.114 (all Debian 12); shaka-player 5.2.12, puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a page gives a SourceBuffer the initialization segment and the three media segments in turn: plainly, with abort() after the first
#        media segment, and with abort() and the initialization segment once more. No append is running when abort() is called. Then
#        shaka-player loads the same film by its HLS playlist, as it is and with an abort() that does nothing.
# Seen:  Chromium and Firefox buffer all 6 s each time. WebKitGTK buffers nothing that comes after abort(), unless the initialization segment
#        comes again first; Media Source Extensions ask for no such thing. Each append ends with `updateend`, and `error` never comes.
#        shaka-player calls abort() between the two, and nothing is buffered; without abort() it buffers all.
# So:    whoever calls abort() between segments appends the initialization segment after it again. A buffer that stays empty with every
#        request answered is the sign. WebKit's bug 228820 has it mended with GStreamer 1.24; not tried here.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
declare -A versions=([libwebkit2gtk-4.1-0]=2.50.6-1~deb12u2 [gir1.2-webkit2-4.1]=2.50.6-1~deb12u2 [gstreamer1.0-plugins-good]=1.22.0-5+deb12u4
  [chromium]=156.0.8078.114-1~deb12u1 [firefox-esr]=153.8.0esr-1~deb12u1)
export DEBIAN_FRONTEND=noninteractive
for name in "${!versions[@]}"; do
  if [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" != "${versions[$name]}" ] || ! command -v ffmpeg >/dev/null; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$name=${versions[$name]}" python3-gi xvfb xauth gstreamer1.0-plugins-bad \
      gstreamer1.0-libav ffmpeg >/dev/null
  fi
done
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1 shaka-player@5.2.12
mkdir site
cp node_modules/shaka-player/dist/shaka-player.compiled.js site/shaka.js
ffmpeg -v error -f lavfi -i testsrc=size=320x180:rate=25:duration=6 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 50 -f hls -hls_time 2 \
  -hls_playlist_type vod -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 -hls_segment_filename 'site/%d.m4s' site/film.m3u8
cat >site/index.html <<'HTML'
<!doctype html>
<script src="shaka.js"></script>
<body>
<script type="module">
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, 1000 * n));
  const say = async (text) => {
    document.title = text;
    await seconds(0.3);
  };
  const heard = (target, event) => new Promise((resolve) => target.addEventListener(event, resolve, { once: true }));
  const newVideo = () => {
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    return video;
  };
  const end = ({ buffered }) => (buffered.length === 0 ? "nothing" : `${Math.round(buffered.end(buffered.length - 1))} s`);
  for (const plan of ["init 0 1 2", "init 0 abort 1 2", "init 0 abort init 1 2"]) {
    const source = new MediaSource();
    newVideo().src = URL.createObjectURL(source);
    await heard(source, "sourceopen");
    const buffer = source.addSourceBuffer('video/mp4; codecs="avc1.42c00d"');
    let errors = 0;
    buffer.addEventListener("error", () => errors++);
    for (const step of plan.split(" ")) {
      if (step === "abort") {
        buffer.abort();
        continue;
      }
      const bytes = await (await fetch(step === "init" ? "init.mp4" : `${step}.m4s`)).arrayBuffer();
      const ended = heard(buffer, "updateend");
      buffer.appendBuffer(bytes);
      await ended;
    }
    await say(`${plan}: ${end(buffer)} buffered, ${errors} errors`);
  }
  for (const aborts of ["with", "without"]) {
    if (aborts === "without") SourceBuffer.prototype.abort = () => undefined;
    const video = newVideo();
    const player = new shaka.Player();
    await player.attach(video);
    void player.load("film.m3u8").catch(() => undefined);
    await seconds(4);
    await say(`shaka-player ${aborts} abort(): ${end(video)} buffered`);
    void player.destroy().catch(() => undefined);
    await seconds(1);
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
GLib.timeout_add_seconds(60, Gtk.main_quit)
Gtk.main()
PYTHON
cat >browser.mjs <<'JS'
import { launch } from "puppeteer-core";

const options = {
  chrome: {
    executablePath: "/usr/bin/chromium",
    args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  },
  firefox: { executablePath: "/usr/bin/firefox-esr" },
};
const [, , browser, url] = process.argv;
const running = await launch({ browser, ...options[browser] });
console.log(await running.version());
const page = await running.newPage();
await page.goto(url);
for (let last = ""; last !== "end"; await new Promise((resolve) => setTimeout(resolve, 20))) {
  const title = await page.title();
  if (title !== last && title !== "" && title !== "end") console.log(title);
  last = title;
}
await running.close();
JS
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 --directory site "$port" >/dev/null 2>&1 &
sleep 1
expect() { for line in "$@"; do grep -qxF "$line" seen || { echo "CHANGED: not seen: $line"; exit 1; }; done; }
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
expect "WebKitGTK 2 50 6" "init 0 1 2: 6 s buffered, 0 errors" "init 0 abort 1 2: 2 s buffered, 0 errors" \
  "init 0 abort init 1 2: 6 s buffered, 0 errors" "shaka-player with abort(): nothing buffered" "shaka-player without abort(): 6 s buffered"
for browser in chrome firefox; do
  timeout 60 node browser.mjs "$browser" "http://127.0.0.1:$port/" | tee seen
  expect "init 0 1 2: 6 s buffered, 0 errors" "init 0 abort 1 2: 6 s buffered, 0 errors" "init 0 abort init 1 2: 6 s buffered, 0 errors" \
    "shaka-player with abort(): 6 s buffered"
done
