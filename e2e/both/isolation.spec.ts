import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { makeHandle } from "../testing/handles.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { textsInFrames } from "../testing/textsInFrames.ts";
import { notedReads, noteReads } from "../testing/workerReads.ts";

/** What an attacker's script would do first, in a page of whatever kind: leave a trace in the app's origin. */
const SCRIPT = `
  try { localStorage.setItem("owned", location.href) } catch {}
  try { (top.document ?? document).title = "owned" } catch {}
  try { document.title = "owned" } catch {}
  try { fetch("/owned-by-fetch") } catch {}
  try { navigator.serviceWorker.register("/owned-worker.js") } catch {}
  try { navigator.serviceWorker.controller.postMessage("owned") } catch {}
  try { indexedDB.open("owned") } catch {}
  self.owned = true;`;

const PADDING = " ".repeat(100);
const HTML = `<!doctype html><meta http-equiv="refresh" content="0;url=/owned-by-refresh"><title>quiet</title>
<body onload="${"self.owned=1;localStorage.owned=1"}"><script>${SCRIPT}</script><script src="/owned.js"></script>
<img src="/owned.png" onerror="localStorage.owned=1"><iframe src="/owned-frame"></iframe>
<link rel="stylesheet" href="/owned.css"><form action="/owned-form"><input autofocus onfocus="localStorage.owned=1"></form>
<a href="javascript:localStorage.owned=1">text</a>${PADDING}`;
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="localStorage.owned=1"><title>quiet</title>
<script>${SCRIPT}</script><image href="/owned.png"/><rect width="9" height="9" fill="green"/></svg>${PADDING}`;
const XML = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="/owned.xsl"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>quiet</title><script>${SCRIPT}</script></head><body/></html>${PADDING}`;
const MHTML = `MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"; type="text/html"\r\n\r\n--b\r
Content-Type: text/html\r\n\r\n${HTML}\r\n--b--\r\n`;
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(this.submitForm\\("/owned-pdf"\\);)>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/AA<</O<</S/URI/URI(javascript:localStorage.owned=1)>>>>>>endobj
trailer<</Root 1 0 R>>
%%EOF`;

/** Contents, names and types, as somebody may combine them to be taken for what they are not. */
const PAGES: [what: string, text: string, filename: string, type?: string][] = [
  ["a page", HTML, "page.html"],
  ["a page of XHTML", XML, "page.xhtml"],
  ["XML with a style sheet", XML, "data.xml"],
  ["a drawing", SVG, "drawing.svg"],
  ["a web archive", MHTML, "page.mhtml"],
  ["a mail", MHTML, "page.eml"],
  ["a script", SCRIPT, "code.js"],
  ["a document with script", PDF, "paper.pdf"],
  ["a page named as text", HTML, "page.txt"],
  ["a page named as a picture", HTML, "page.jpg"],
  ["a page named as a film", HTML, "page.mp4"],
  ["a page without a name", HTML, ""],
  ["a drawing without a name", SVG, ""],
  ["a page of no known kind", HTML, "page.unheardof"],
  ["a picture that goes on as a page", `GIF89a/*${PADDING}*/=1;${HTML}`, ""],
  ["a document that goes on as a page", `%PDF-1.4\n${HTML}`, ""],
  ["a page that was asked for as one", HTML, "page.txt", "text/html"],
  ["a drawing that was asked for as one", SVG, "x.png", "image/svg+xml"],
  ["a page with a type in disguise", HTML, "x.png", "TEXT/HTML;charset=utf-7"],
];

/** So many pages are opened side by side, since each is given time to act. */
const AT_ONCE = 5;

test("no file that is opened acts as the app, by navigation or in a frame", async ({
  kind,
  browserUnderTest,
  tab,
  demo,
}) => {
  test.setTimeout(300_000);
  const watch = await WatchedApp.start(demo);
  try {
    await watch.open(tab);
    await noteReads(tab);
    const opened = await Promise.all(Array.from({ length: AT_ONCE }, () => browserUnderTest.newTab()));
    for (let first = 0; first < PAGES.length; first += AT_ONCE) {
      const pages = PAGES.slice(first, first + AT_ONCE);
      const what = pages.map(([name]) => name).join(", ");
      const urls = await Promise.all(
        pages.map(async ([, text, filename, type = ""]) => {
          const cap = await put(demo, text);
          // One for each way: so it can be told who answered.
          const [visited, framed, shown, object, embedded] = await Promise.all(
            Array.from({ length: 5 }, () => makeHandle(tab, cap, { filename, type })),
          );
          return { visited: visited!, framed: framed!, shown: shown!, object: object!, embedded: embedded! };
        }),
      );
      for (const [i, { visited }] of urls.entries()) {
        const own = opened[i]!;
        // In WebKit the web server is asked for what follows a sandboxed document in a tab.
        if (kind === "webkit") await own.goto(new URL("blank", watch.url).href);
        await own.bringToFront();
        // What is saved and not shown ends the navigation: nothing has run then.
        await own.goto(new URL(visited, watch.url).href, { timeout: 5_000 }).catch(() => undefined);
      }
      // Chromium loads `object` and `embed` when it lays a page out, which it need not do for one that nobody sees.
      await tab.bringToFront();
      await Promise.all(
        urls.flatMap(({ framed, shown, object, embedded }) => [
          embed(tab, "iframe", framed),
          embed(tab, "img", shown),
          embed(tab, "object", object),
          embed(tab, "embed", embedded),
        ]),
      );
      await settle(tab);
      expect(await traces(tab), what).toEqual([]);
      for (const own of opened) expect(await titleOf(own), what).not.toBe("owned");
      const read = urls.flatMap(({ visited, framed, shown }) => [visited, framed, shown]);
      await expect.poll(() => notedReads(tab), what).toEqual(expect.arrayContaining(read));
      // Browsers ask the web server for these two, which has nothing of the file.
      const unread = urls.flatMap(({ object, embedded }) => [object, embedded]);
      await expect.poll(() => new Set(watch.asked), what).toEqual(new Set(unread));
      watch.asked.length = 0;
      await tab.evaluate(() => document.documentElement.replaceChildren());
    }
    expect(watch.owned).toEqual([]);
    // The same page from the app's own server is seen to act: so the others did not.
    await opened[0]!.goto(new URL("control", watch.url).href, { timeout: 5_000 }).catch(() => undefined);
    await expect.poll(() => traces(tab)).toContain("storage");
  } finally {
    watch.close();
  }
});

test("no drawing of the app takes a part of a file, which may be a picture all the same", async ({ tab, demo }) => {
  const watch = await WatchedApp.start(demo);
  try {
    await watch.open(tab);
    const text = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g id="part"><rect width="9" height="9"/></g></svg>`;
    const url = await makeHandle(tab, await put(demo, text + PADDING), { filename: "drawing.svg" });
    expect(await embed(tab, "img", url)).toBe("loaded");
    const width = await tab.evaluate(async (url) => {
      const frame = document.createElement("div");
      frame.innerHTML = `<svg width="20" height="20"><use href="${url}#part"/></svg>`;
      document.documentElement.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return (frame.querySelector("use") as SVGUseElement).getBBox().width;
    }, url);
    expect(width).toBe(0);
  } finally {
    watch.close();
  }
});

test("no file becomes a script, a worker or a style sheet of the app", async ({ tab, demo }) => {
  const watch = await WatchedApp.start(demo);
  try {
    await watch.open(tab);
    const cap = await put(demo, `self.owned = true; ${SCRIPT}; onmessage = () => postMessage("owned");${PADDING}`);
    const style = await put(demo, `:root { --owned: yes }${PADDING}`);
    const urls = [
      await makeHandle(tab, cap, { filename: "code.js" }),
      await makeHandle(tab, cap),
      await makeHandle(tab, cap, { type: "text/javascript" }),
      `/file/${encodeURIComponent(cap)}/@@named=/code.js`,
    ];
    for (const url of urls) {
      const outcomes = await tab.evaluate(loadAsScript, url);
      expect(outcomes).toEqual({
        classic: "error",
        module: "error",
        imported: "refused",
        worker: "error",
        moduleWorker: "error",
        shared: "error",
        importScripts: "error",
        serviceWorker: "refused",
      });
    }
    const sheet = await makeHandle(tab, style, { filename: "style.css" });
    expect(await tab.evaluate(loadAsStyle, sheet)).toBe("error");
    await settle(tab);
    expect(await traces(tab)).toEqual([]);
    expect(await tab.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(1);
    // And yet the app itself may read them.
    expect(await tab.evaluate(async (url) => (await fetch(url)).status, urls[0] as string)).toBe(200);
  } finally {
    watch.close();
  }
});

test("pictures, sound and film are shown within the app's pages", async ({ tab, demo }) => {
  const watch = await WatchedApp.start(demo);
  await watch.open(tab);
  for (const [name, kind] of [
    ["hills.jpg", "img"],
    ["shares.svg", "img"],
    ["melody.mp3", "audio"],
    ["gridfetch-sample.webm", "video"],
  ] as const) {
    for (const filename of [name, ""]) {
      // Without a name its own first bytes tell what it is; a drawing's may not.
      if (filename === "" && name === "shares.svg") continue;
      const url = await makeHandle(tab, demo.sample(name).cap, { filename });
      expect(await embed(tab, kind, url), `${name} as ${filename}`).toBe("loaded");
    }
  }
  watch.close();
});

test("a page of another origin sees nothing, not even with a right URL", async ({ browserUnderTest, tab, demo }) => {
  const watch = await WatchedApp.start(demo);
  await watch.open(tab);
  const picture = await makeHandle(tab, demo.sample("hills.jpg").cap, { filename: "hills.jpg" });
  const letter = await makeHandle(tab, demo.sample("letter.txt").cap, { filename: "letter.txt" });
  const guess = `/grid/${"x".repeat(22)}`;
  const stranger = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html>"));
  stranger.listen(0, "127.0.0.1");
  await once(stranger, "listening");
  try {
    const other = await browserUnderTest.newTab();
    await other.goto(`http://127.0.0.1:${portOf(stranger)}/`);
    const learnt: unknown[] = [];
    for (const path of [picture, letter, guess]) {
      const url = new URL(path, watch.url).href;
      learnt.push([
        await other.evaluate((url) => fetch(url).then(String, () => "refused"), url),
        await embed(other, "img", url),
        await embed(other, "script", url),
      ]);
      await embed(other, "iframe", url);
    }
    // The same for what is there and what is not.
    expect(learnt).toEqual(Array(3).fill(["refused", "error", "error"]));
    await settle(other);
    const text = await tab.evaluate(async (url) => (await fetch(url)).text(), letter);
    for (const shown of await textsInFrames(other)) expect(shown).not.toContain(text.slice(0, 20));
  } finally {
    watch.close();
    stranger.close();
    stranger.closeAllConnections();
  }
});

test("a download keeps within its folder and header, whatever it is named", async ({ tab, demo }) => {
  await openControlledTab(tab, demo.appUrl);
  const cap = await put(demo, `any text ${PADDING}`);
  for (const [name, saved] of [
    ['a"; filename="evil.exe', /^a_; filename=_evil\.exe$/],
    ["../../../evil.sh", /^_+\.\._\.\._evil\.sh$/],
    ["a\r\nContent-Type: text\u002fhtml\r\n\r\n<script>", /^a__Content-Type: text_html____<script>$/],
    ["invoice\u202efdp.exe", /^invoice_fdp\.exe$/],
    [".profile", /^_profile$/],
    ["Überflug 日本 😀.bin", /^Überflug 日本 😀\.bin$/],
  ] as const) {
    const url = await makeHandle(tab, cap, { filename: name, download: true });
    const headers = await tab.evaluate(async (url) => [...(await fetch(url)).headers], url);
    const disposition = new Map(headers).get("content-disposition") ?? "";
    const form = /^attachment; filename="[^"\\/]*"(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]*)?$/;
    expect(disposition, name).toMatch(form);
    const [, plain = "", extended] = /filename="([^"]*)"(?:; filename\*=UTF-8''(.*))?$/.exec(disposition) ?? [];
    expect((extended === undefined ? plain : decodeURIComponent(extended)).replaceAll('"', "_"), name).toMatch(saved);
    expect(
      headers.filter(([header]) => header === "content-type"),
      name,
    ).toHaveLength(1);
  }
});

/** The app, and which requests for it an attack has made. */
class WatchedApp {
  readonly url: string;
  readonly owned: string[];
  /** Paths of the grid URLs that it was asked for. */
  readonly asked: string[];
  readonly #http: Server;

  private constructor(http: Server, owned: string[], asked: string[]) {
    this.#http = http;
    this.owned = owned;
    this.asked = asked;
    this.url = `http://127.0.0.1:${portOf(http)}/`;
  }

  static async start(demo: DemoGrid): Promise<WatchedApp> {
    const owned: string[] = [];
    const asked: string[] = [];
    const http = createServer((incoming, outgoing) => {
      if (incoming.url?.includes("owned")) owned.push(incoming.url);
      if (incoming.url?.startsWith("/grid/")) asked.push(incoming.url);
      if (incoming.url === "/blank") return outgoing.setHeader("Content-Type", "text/html").end("<!doctype html>");
      if (incoming.url === "/control") return outgoing.setHeader("Content-Type", "text/html").end(HTML);
      void fetch(new URL(incoming.url ?? "/", demo.appUrl)).then(async (answer) => {
        const type = answer.headers.get("Content-Type") ?? "text/plain";
        outgoing.writeHead(answer.status, { "Content-Type": type }).end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new WatchedApp(http, owned, asked);
  }

  /** Shows an empty page that the worker controls. */
  async open(tab: Page): Promise<void> {
    await openControlledTab(tab, this.url);
    await tab.goto(new URL("blank", this.url).href);
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }
}

let count = 0;

async function put(demo: DemoGrid, text: string): Promise<string> {
  const path = join(demo.folder, `attack-${count++}`);
  await writeFile(path, text);
  return demo.put(path);
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Frames load, scripts would have run and redirects would have happened. */
function settle(tab: Page): Promise<unknown> {
  return tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
}

/** Empty where a navigation that ended as a download has left nothing in which a script could run: puppeteer waits for ever for that. */
function titleOf(tab: Page): Promise<string> {
  return Promise.race([tab.title().catch(() => ""), pause(10_000).then(() => "")]);
}

/** What a script that ran in the app's origin has left. */
function traces(tab: Page): Promise<string[]> {
  return tab.evaluate(async () => {
    const found: string[] = [];
    if (localStorage.getItem("owned") !== null) found.push("storage");
    if (document.title === "owned") found.push("title");
    if ("owned" in self) found.push("global");
    if ((await indexedDB.databases()).some(({ name }) => name === "owned")) found.push("database");
    return found;
  });
}

function embed(tab: Page, kind: string, url: string): Promise<string> {
  return tab.evaluate(
    (kind, url) =>
      new Promise<string>((resolve) => {
        const element = document.createElement(kind);
        for (const event of ["load", "loadeddata"]) element.addEventListener(event, () => resolve("loaded"));
        element.addEventListener("error", () => resolve("error"));
        element.setAttribute(kind === "object" ? "data" : "src", url);
        element.setAttribute("preload", "auto");
        document.documentElement.append(element);
        // A frame of what is saved and not shown never says that it is ready.
        setTimeout(() => resolve("silence"), kind === "video" || kind === "audio" ? 10_000 : 2_000);
      }),
    kind,
    url,
  );
}

/** Runs in the page. */
async function loadAsScript(url: string): Promise<Record<string, string>> {
  const absolute = new URL(url, location.href).href;
  const ended = (target: EventTarget) =>
    new Promise<string>((resolve) => {
      target.addEventListener("load", () => resolve("ran"));
      target.addEventListener("message", () => resolve("ran"));
      target.addEventListener("error", () => resolve("error"));
      setTimeout(() => resolve("silence"), 8_000);
    });
  const tag = (type: string) => {
    const script = document.createElement("script");
    script.type = type;
    script.src = url;
    document.documentElement.append(script);
    return ended(script);
  };
  const worker = (script: string, options: WorkerOptions = {}) => {
    const made = new Worker(script, options);
    made.postMessage("run");
    return ended(made).finally(() => made.terminate());
  };
  const importing = `try { importScripts(${JSON.stringify(absolute)}); postMessage("ran") } catch { throw new Error("no") }`;
  return {
    classic: await tag("text/javascript"),
    module: await tag("module"),
    imported: await import(/* @vite-ignore */ absolute).then(
      () => "ran",
      () => "refused",
    ),
    worker: await worker(url),
    moduleWorker: await worker(url, { type: "module" }),
    shared: await ended(new SharedWorker(url)),
    importScripts: await worker(URL.createObjectURL(new Blob([importing], { type: "text/javascript" }))),
    serviceWorker: await navigator.serviceWorker.register(url).then(
      () => "registered",
      () => "refused",
    ),
  };
}

/** Runs in the page. */
function loadAsStyle(url: string): Promise<string> {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = url;
    link.addEventListener("load", () => resolve("loaded"));
    link.addEventListener("error", () => resolve("error"));
    document.documentElement.append(link);
  });
}
