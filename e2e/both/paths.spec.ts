import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gridPathPatterns, gridPaths, isGridUrl } from "../../src/http/GridPaths.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import { RecordingProxy } from "../testing/RecordingProxy.ts";

declare const window: ClientWindow & typeof globalThis;

/** What an app may have at its own web server. */
const APPS_OWN = [
  "GET /file/123",
  "GET /uri/x?t=json",
  "GET /uri",
  "GET /cap/x",
  "GET /named/x/y",
  "POST /file/upload",
  "PUT /uri",
  "DELETE /cap/x",
];

for (const [query, folder, others] of [
  ["", "grid", [...APPS_OWN, "POST /grid/x", "GET /films/x"]],
  ["?prefix=my/films", "my/films", [...APPS_OWN, "POST /my/films/x", "GET /grid/x", "GET /films/x"]],
] as const) {
  test(`the worker ${query || "without options"} answers under ${folder}/ and leaves the rest to the app`, async ({
    tab,
    demo,
  }) => {
    const root = join(demo.folder, `paths-${folder.length}`);
    await placeClientApp(root);
    const connect = `client.connect(${query && JSON.stringify({ workerUrl: `/gridfetch-worker.js${query}` })})`;
    const script = `import * as client from "/lib/client/index.js"; Object.assign(window, { client, grid: await ${connect} });`;
    await writeFile(join(root, "index.html"), `<!doctype html><script type="module">${script}</script>`);
    const app = await serveClientApp(demo, root);
    const proxy = await RecordingProxy.start(app.url);
    try {
      await openClientTab(tab, proxy);
      const url = await tab.evaluate((cap) => window.grid.url(cap), demo.sample("letter.txt").cap);
      expect(url).toMatch(new RegExp(`^${proxy.url}${folder}/[\\w-]{22}$`));
      expect(await tab.evaluate(async (url) => (await (await fetch(url)).text()).slice(0, 20), url)).toBe(
        "Hello from the grid.",
      );
      await tab.evaluate((url) => window.grid.revoke(url), url);
      expect(await tab.evaluate(async (url) => (await fetch(url)).status, url)).toBe(404);
      proxy.seen.length = 0;
      await tab.evaluate(
        async (requests) => {
          for (const [method, path] of requests) await fetch(path, { method });
        },
        others.map((each) => each.split(" ") as [string, string]),
      );
      expect(proxy.seen.map((each) => each.split("\n")[0])).toEqual(others);
    } finally {
      await proxy.close();
      await app.close();
    }
  });
}

test("static routes are for the grid's paths and for no others, whatever the scope is called", async ({ tab }) => {
  const outcomes: unknown[] = [];
  for (const folder of ["/", "/sub/", "/a(b)*:c+/", "/%7Bd%7D/"]) {
    const scope = new URL(folder, "https://app.example/");
    for (const options of [{}, { prefix: "my/films" }, { tahoeForms: true }]) {
      const paths = gridPaths(scope, options);
      const names = [
        "grid/x",
        "grid/",
        "grid",
        "my/films/x/y",
        "films/x",
        "uri",
        "uri/",
        "uri/x%3A",
        "uri?uri=x",
        "urix",
        "cap",
      ];
      for (const path of [...names, "cap/x", "file/x?save=true", "file", "named/x", "", "a/uri/x"]) {
        const url = new URL(path, scope);
        const routed = await tab.evaluate(
          (patterns, url) => patterns.some((pathname) => new URLPattern({ pathname, baseURL: url }).test(url)),
          gridPathPatterns(paths),
          url.href,
        );
        if (routed !== isGridUrl(url, paths)) outcomes.push([url.href, options]);
      }
    }
  }
  expect(outcomes).toEqual([]);
});
