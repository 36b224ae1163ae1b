import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { expect, it } from "vitest";

// What a visitor of an app has to load, as a web server sends it. Of what was built: `npm test` builds before.

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const library = join(dist, "lib");
const gzipped = (text: string | Buffer) => gzipSync(text, { level: 9 }).length;

// It was 60 KB before each read of a mutable file asked whether its version still stands, before the worker's paths could be
// chosen and were routed past the web server, before its errors told a wrong cap from servers that are away, and before it began with the
// configuration that was served last, deleted in steps what was kept offline, and said to a page that connects what is wrong.
// It was 68 KB before folders had addresses, 68.1 before readers behind a shared cache asked for the same pieces of the same shares, and 68.7
// before folders were listed for pages.
// It was 69.5 KB before URLs stood for archives, which a script of their own makes, and 69.8 before it learned nothing of a server from what a cache had.
// It was 70 KB before it remembered which servers are away, and 70.6 before it fetched ahead, in turns with what is kept offline.
// It was 71.4 KB before relays said which servers they cannot reach.
it("the ready-made worker, without TLS, is at most 71.7 KB", () => {
  expect(gzipped(readFileSync(join(dist, "app/gridfetch-worker.js")))).toBeLessThanOrEqual(71_700);
});

it("TLS, and what else most never need, are files of their own", () => {
  for (const name of [
    "gridfetch-tls.wasm",
    "gridfetch-relay.js",
    "gridfetch-check.js",
    "gridfetch-keep.js",
    "gridfetch-zip.js",
  ]) {
    expect(existsSync(join(dist, "app", name))).toBe(true);
  }
  expect(readFileSync(join(dist, "app/gridfetch-worker.js"), "utf8")).not.toContain("WebSocket");
});

// It was 6 KB before it looked at who had answered, found out for a developer why a worker or a download cannot be
// had, found the cap in what is pasted, had players go on after an outage, stopped at once, wherever it waits, when it is called off,
// let an update in beside paused players, read a long part piece by piece, and had the browser ask for the local network. It was 9.8 KB
// before its URLs had endings and folders addresses, and before it listed folders.
// It was 10.2 KB before it made the URLs of archives, 10.4 before it knew where an attached player seeks to, and 10.5
// before it had things fetched ahead.
it("the client is at most 11.2 KB", async () => {
  const [chunk] = await bundle('export * from "gridfetch";');
  expect(chunk?.code).toContain("serviceWorker");
  expect(gzipped(chunk?.code ?? "")).toBeLessThanOrEqual(11_200);
});

it("the client stands alone, so that a page without a bundler can import it", async () => {
  const [chunk] = await bundle('export * from "gridfetch";');
  expect([chunk?.imports, chunk?.dynamicImports]).toEqual([[], []]);
});

it("who takes parseCap alone gets no downloader, no erasure code and no servers", async () => {
  const [chunk] = await bundle('export { parseCap } from "gridfetch/core";');
  const modules = Object.entries(chunk?.modules ?? {}).filter(([, { code }]) => code !== null && code !== "");
  const rooms = new Set(modules.map(([id]) => id.replace(`${library}/`, "").split("/")[0]));
  expect(rooms.has("formats")).toBe(true);
  expect([...rooms].filter((room) => ["download", "files", "erasure", "servers", "cache"].includes(room!))).toEqual([]);
  expect(gzipped(chunk?.code ?? "")).toBeLessThan(5_000);
});

it("nothing of the package runs at import besides what is imported", async () => {
  const entries = readdirSync(library).filter((room) => existsSync(join(library, room, "index.js")));
  expect(entries.length).toBeGreaterThan(3);
  const imports = [
    "gridfetch",
    "gridfetch/core",
    "gridfetch/zfec",
    "gridfetch/worker",
    "gridfetch/poster",
    "gridfetch/save",
    "gridfetch/self-test",
  ];
  const [chunk] = await bundle(imports.map((one) => `import "${one}";`).join("\n"));
  expect(chunk?.code.trim()).toBe("");
});

/** What a bundler makes of a module that uses the package. */
async function bundle(code: string): Promise<Rolldown.OutputChunk[]> {
  const entry = "\0entry";
  const alias = (room: string) => join(library, room, "index.js");
  const built = await build({
    root: dist,
    configFile: false,
    logLevel: "warn",
    resolve: {
      alias: [
        { find: /^gridfetch$/, replacement: alias("client") },
        { find: "gridfetch/poster", replacement: alias("client/poster") },
        { find: "gridfetch/save", replacement: alias("save") },
        { find: "gridfetch/self-test", replacement: alias("client/selfTest") },
        { find: "gridfetch/worker", replacement: alias("worker") },
        { find: "gridfetch/core", replacement: alias("files") },
        { find: "gridfetch/zfec", replacement: alias("erasure") },
      ],
    },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      minify: true,
      rolldownOptions: { input: entry, preserveEntrySignatures: "strict" },
    },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? { id, moduleSideEffects: true } : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
  });
  const [{ output }] = [built].flat() as [Rolldown.RolldownOutput];
  return output.filter((file) => file.type === "chunk");
}
