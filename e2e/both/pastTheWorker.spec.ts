import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import { makeHandle } from "../testing/handles.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { RecordingProxy } from "../testing/RecordingProxy.ts";
import { notedReads, noteReads } from "../testing/workerReads.ts";

// Who is asked for a grid URL, by each way in which a page may come to ask: the rows of the table in docs/browsers.md.

/** How a controlled page asks for a URL, by the row's first cell. Each runs in the page. */
const ways: Readonly<Record<string, (url: string) => unknown>> = {
  "`<img>`, `<video>`, `<audio>`": (url) => void Object.assign(new Image(), { src: url }),
  "`fetch`": (url) => fetch(url),
  "`fetch` with `keepalive`": (url) => fetch(url, { keepalive: true }),
  "synchronous `XMLHttpRequest`, in a page": (url) => {
    const request = new XMLHttpRequest();
    request.open("GET", url, false);
    request.send();
  },
  "synchronous `XMLHttpRequest`, in a dedicated worker": (url) => {
    const code = `const r = new XMLHttpRequest(); r.open("GET", ${JSON.stringify(url)}, false); r.send();`;
    new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  },
  "`<iframe>`": (url) => append("iframe", { src: url }),
  "`<object>`": (url) => append("object", { data: url }),
  "`<embed>`": (url) => append("embed", { src: url }),
  "`<a href download>`": (url) => append("a", { href: url, download: "attribute.txt" }).click(),
  '`<link rel="prefetch">`': (url) => append("link", { rel: "prefetch", href: url }),
  "speculation rules": (url) => {
    const rules = { prefetch: [{ urls: [url], eagerness: "immediate" }] };
    append("script", { type: "speculationrules", textContent: JSON.stringify(rules) });
  },
  "in a frame without an address (`about:blank`)": (url) => {
    const { contentDocument } = append("iframe", {}) as HTMLIFrameElement;
    contentDocument?.body.append(Object.assign(contentDocument.createElement("img"), { src: url }));
  },
  "in a `srcdoc` frame": (url) => append("iframe", { srcdoc: `<img src="${url}">` }),
  "in a `blob:` frame": (url) => {
    const blob = new Blob([`<img src="${url}">`], { type: "text/html" });
    append("iframe", { src: URL.createObjectURL(blob) });
  },
  "in a `data:` frame": (url) => append("iframe", { src: `data:text/html,<img src="${url}">` }),
  "in a sandboxed frame without `allow-same-origin`": (url) => {
    append("iframe", { srcdoc: `<img src="${url}">` }, { sandbox: "allow-scripts" });
  },
  '`window.open("")`, and what is put into it': (url) => {
    const opened = open("");
    opened?.document.body.append(Object.assign(opened.document.createElement("img"), { src: url }));
  },
  "in a worker made of a `blob:`": (url) => {
    new Worker(URL.createObjectURL(new Blob([`fetch("${url}")`], { type: "text/javascript" })));
  },
  "in a worker made of a `data:` URL": (url) => new Worker(`data:text/javascript,fetch("${url}")`),
  "in a `SharedWorker` made of a `blob:`": (url) => {
    new SharedWorker(URL.createObjectURL(new Blob([`fetch("${url}")`], { type: "text/javascript" })));
  },
  "Background Fetch": async (url) => {
    const registration = (await navigator.serviceWorker.ready) as ServiceWorkerRegistration & {
      readonly backgroundFetch?: { fetch(id: string, urls: string[]): Promise<unknown> };
    };
    await registration.backgroundFetch?.fetch(url, [url]);
  },
};

/** For the page. */
declare function append(kind: string, properties: object, attributes?: Record<string, string>): HTMLElement;

const rows = tableRows();

test("docs/browsers.md has a row for each way that is tried", () => {
  expect(Object.keys(rows)).toEqual(Object.keys(ways));
});

test("a grid URL is asked of whom docs/browsers.md says", async ({ kind, tab, demo }) => {
  test.setTimeout(240_000);
  const proxy = await RecordingProxy.start(demo.appUrl);
  try {
    await openControlledTab(tab, proxy.url);
    await noteReads(tab);
    await tab.evaluate(() => {
      Object.assign(window, {
        append(kind: string, properties: object, attributes: Record<string, string> = {}) {
          const element = document.createElement(kind);
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
          document.body.append(Object.assign(element, properties));
          return element;
        },
      });
    });
    const { cap } = demo.sample("letter.txt");
    const paths: Record<string, string> = {};
    for (const [way, ask] of Object.entries(ways)) {
      const path = await makeHandle(tab, cap, { filename: "letter.txt" });
      const url = new URL(path, proxy.url).href;
      await tab
        .evaluate(`void Promise.resolve((${ask})(${JSON.stringify(url)})).catch(() => undefined)`)
        .catch(() => undefined);
      paths[way] = path;
      for (let looks = 0; looks < 10 && (await whoWasAsked(tab, proxy, path)) === "nobody"; looks++) await pause(150);
    }
    // For those who are asked late, or second.
    await pause(3_000);
    const asked: Record<string, string> = {};
    for (const [way, path] of Object.entries(paths)) asked[way] = await whoWasAsked(tab, proxy, path);
    const documented = Object.fromEntries(Object.entries(rows).map(([way, cells]) => [way, cells[kind]]));
    expect(asked).toEqual(documented);
  } finally {
    await proxy.close();
  }
});

async function whoWasAsked(tab: Page, proxy: RecordingProxy, path: string): Promise<string> {
  const who = [
    ...((await notedReads(tab)).includes(path) ? ["worker"] : []),
    ...(proxy.seen.some((each) => each.includes(path)) ? ["web server"] : []),
  ];
  return who.join(" and ") || "nobody";
}

/** The table's cells, by the row's first one and the browser. */
function tableRows(): Record<string, Record<string, string | undefined>> {
  const text = readFileSync(fileURLToPath(new URL("../../docs/browsers.md", import.meta.url)), "utf8");
  const [, section = ""] = text.split("\n## What goes past the worker\n");
  const [table = ""] = section.slice(section.indexOf("| way")).split("\n\n");
  const [header = [], , ...lines] = table.split("\n").map((line) => line.slice(2, -2).split(" | "));
  return Object.fromEntries(
    lines.map(([way = "", ...cells]) => [
      way,
      Object.fromEntries(header.slice(1).map((browser, index) => [browser.toLowerCase(), cells[index]])),
    ]),
  );
}
