#!/usr/bin/env bash
# WebKitGTK turns on no subtitles or captions for the attribute `default`, and does not even load them.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb, gstreamer1.0-plugins-good, ffmpeg for a film of
#           3 s (Debian 12); firefox-esr 153.8.0 and chromium 156.0.8078.114 (Debian 12), puppeteer-core 24.43.1 (npm). Needs root for apt-get.
# Setup: a page from Python's own web server with five films that have one `<track default srclang=en>` each: four in its HTML, one for each
#        kind that is looked at, and one with subtitles that a script adds. All films load, then 3 s pass. Then each `mode` is set to "showing".
# Seen:  Chromium and Firefox have loaded the subtitles and captions by then, and show them. WebKitGTK has not, and leaves them "disabled",
#        though it has turned on descriptions and metadata. After `track.mode = "showing"` it loads and shows them.
# So:    HTML alone gives no subtitles there, and no error says so. Set `mode` by script, which all three obey.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
declare -A versions=([libwebkit2gtk-4.1-0]=2.50.6-1~deb12u2 [gir1.2-webkit2-4.1]=2.50.6-1~deb12u2 [chromium]=156.0.8078.114-1~deb12u1
  [firefox-esr]=153.8.0esr-1~deb12u1)
export DEBIAN_FRONTEND=noninteractive
for name in "${!versions[@]}"; do
  if [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" != "${versions[$name]}" ] || ! command -v ffmpeg >/dev/null; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$name=${versions[$name]}" python3-gi xvfb xauth gstreamer1.0-plugins-good ffmpeg >/dev/null
  fi
done
cd "$folder"
npm install --silent --no-fund --no-audit puppeteer-core@24.43.1
mkdir site
ffmpeg -v error -f lavfi -i testsrc=size=160x120:duration=3 -c:v libvpx site/film.webm
printf 'WEBVTT\n\n00:00.000 --> 00:03.000\nHello\n' >site/words.vtt
cat >site/index.html <<'HTML'
<!doctype html>
<video muted src="film.webm"><track default kind="subtitles" srclang="en" src="words.vtt?subtitles"></video>
<video muted src="film.webm"><track default kind="captions" srclang="en" src="words.vtt?captions"></video>
<video muted src="film.webm"><track default kind="descriptions" srclang="en" src="words.vtt?descriptions"></video>
<video muted src="film.webm"><track default kind="metadata" srclang="en" src="words.vtt?metadata"></video>
<video id="script" muted src="film.webm"></video>
<script type="module">
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, 1000 * n));
  const say = async (text) => {
    document.title = text;
    await seconds(0.3);
  };
  const track = document.createElement("track");
  Object.assign(track, { kind: "subtitles", srclang: "en", src: "words.vtt?script", default: true });
  document.querySelector("#script").append(track);
  for (const video of document.querySelectorAll("video")) while (video.readyState === 0) await seconds(0.1);
  await seconds(3);
  const tracks = [...document.querySelectorAll("track")];
  const look = async (when) => {
    for (const { src, readyState, track: { mode, cues } } of tracks) {
      const loaded = readyState === HTMLTrackElement.LOADED && cues?.length === 1;
      await say(`${when} ${new URL(src).search.slice(1)}: ${mode}, ${loaded ? "loaded" : "not loaded"}`);
    }
  };
  await say(`${navigator.language}, films loaded`);
  await look("at first");
  for (const { track } of tracks) track.mode = "showing";
  await seconds(2);
  await look("then");
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
LANG=en_US.UTF-8 HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
expect "WebKitGTK 2 50 6" "en-US, films loaded" "at first subtitles: disabled, not loaded" "at first captions: disabled, not loaded" \
  "at first descriptions: showing, loaded" "at first metadata: hidden, loaded" "at first script: disabled, not loaded" \
  "then subtitles: showing, loaded" "then captions: showing, loaded" "then script: showing, loaded"
for browser in chrome firefox; do
  timeout 60 node browser.mjs "$browser" "http://127.0.0.1:$port/" | tee seen
  expect "en-US, films loaded" "at first subtitles: showing, loaded" "at first captions: showing, loaded" \
    "at first descriptions: showing, loaded" "at first metadata: hidden, loaded" "at first script: showing, loaded"
done
