#!/usr/bin/env bash
# WebKitGTK shows a PDF in an <iframe> and never fires the frame's `load` event.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb (Debian 12), reportlab 4.4.4 (PyPI) for a
#           valid PDF. Needs root for apt-get.
# Setup: a page on Python's own web server, without a Service Worker, with two frames in turn: an HTML page, then a PDF.
# Seen:  the HTML frame's `load` comes. The PDF's answer is complete (the page's resource timing has it), the built-in viewer shows it,
#        and neither `load` nor `error` comes in the 20 s after that.
# So:    a page that waits for a frame's `load` before it takes a spinner away, or that tells by it that a download did not become a
#        document, waits for ever with a PDF. Ask the resource timing for the frame's URL instead.
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
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check reportlab==4.4.4
mkdir site
venv/bin/python - <<'PYTHON'
from reportlab.pdfgen import canvas
page = canvas.Canvas("site/paper.pdf")
page.drawString(72, 720, "One line on one page.")
page.save()
PYTHON
echo '<!doctype html><title>a page</title><p>A page.' >site/page.html
cat >site/index.html <<'HTML'
<!doctype html>
<body>
<script type="module">
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, 1000 * n));
  for (const name of ["page.html", "paper.pdf"]) {
    const events = [];
    const frame = document.createElement("iframe");
    for (const event of ["load", "error"]) frame.addEventListener(event, () => events.push(event));
    frame.src = name;
    document.body.append(frame);
    while (performance.getEntriesByName(frame.src).length === 0) await seconds(0.1);
    await seconds(name === "paper.pdf" ? 20 : 2);
    document.title = `${name}: answer complete, events: ${events.join(" ") || "none"}`;
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
GLib.timeout_add_seconds(120, Gtk.main_quit)
Gtk.main()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 --directory site "$port" >/dev/null 2>&1 &
sleep 1
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
grep -qx "WebKitGTK 2 50 6" seen || { echo "CHANGED: another version"; exit 1; }
grep -qx "page.html: answer complete, events: load" seen || { echo "CHANGED: a page in a frame"; exit 1; }
grep -qx "paper.pdf: answer complete, events: none" seen || { echo "CHANGED: a PDF in a frame"; exit 1; }
