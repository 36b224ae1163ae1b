#!/usr/bin/env bash
# pdf.js 5.6 gives no text of a page in WebKitGTK: its own getTextContent() iterates over a stream, which WebKit cannot.
#
# Packages: libwebkit2gtk-4.1-0 and gir1.2-webkit2-4.1 2.50.6-1~deb12u2 with python3-gi, xvfb (Debian 12), pdfjs-dist 5.6.205 (npm). Needs root
#           for apt-get.
# Setup: a page opens a PDF of one page and one line of text, from memory, and asks for its text twice: by getTextContent(), and by
#        streamTextContent() and a reader. It also looks whether a ReadableStream can be iterated over.
# Seen:  the document opens, and its number of pages is right. getTextContent() fails with a TypeError that says nothing of streams. The reader
#        brings the text.
# So:    whoever searches or indexes PDFs in pages reads streamTextContent() by its reader. A test of pdf.js that only draws does not see this.
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
npm install --silent --no-fund --no-audit pdfjs-dist@5.6.205
cat >index.html <<'HTML'
<!doctype html>
<script type="module">
  import { getDocument, GlobalWorkerOptions, version } from "/node_modules/pdfjs-dist/build/pdf.mjs";
  const say = async (text) => {
    document.title = text;
    await new Promise((resolve) => setTimeout(resolve, 300));
  };
  GlobalWorkerOptions.workerSrc = "/node_modules/pdfjs-dist/build/pdf.worker.mjs";
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
    "<</Length 40>>\nstream\nBT /F 12 Tf 20 50 Td (one line) Tj ET   \nendstream",
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let file = "%PDF-1.4\n";
  const places = objects.map((object, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("")}`;
  file += `trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF`;
  const text = ({ items }) => items.map(({ str }) => str).join("");
  try {
    await say(`pdf.js ${version}`);
    await say(`streams can be iterated over: ${Symbol.asyncIterator in ReadableStream.prototype}`);
    const pdf = await getDocument({ data: new TextEncoder().encode(file) }).promise;
    await say(`pages: ${pdf.numPages}`);
    const page = await pdf.getPage(1);
    await say(`getTextContent: ${await page.getTextContent().then(text, (error) => error.name)}`);
    const reader = page.streamTextContent().getReader();
    let read = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) read += text(part.value);
    await say(`streamTextContent: ${read}`);
  } catch (error) {
    await say(`failed: ${error.message}`);
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
GLib.timeout_add_seconds(90, Gtk.main_quit)
Gtk.main()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 &
sleep 1
HOME="$folder" LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 xvfb-run -a /usr/bin/python3 browser.py "http://127.0.0.1:$port/" 2>/dev/null | tee seen
for line in "WebKitGTK 2 50 6" "pdf.js 5.6.205" "streams can be iterated over: false" "pages: 1" "getTextContent: TypeError" "streamTextContent: one line"; do
  grep -qxF "$line" seen || { echo "CHANGED: not seen: $line"; exit 1; }
done
