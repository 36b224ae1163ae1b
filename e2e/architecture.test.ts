import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// A guard that cannot fail is worse than none: so every rule of the rooms is broken once here, in a small tree of its own,
// under the project's own configuration.

const rooms = [
  "app",
  "save",
  "client",
  "shell",
  "worker",
  "http",
  "zip",
  "offline",
  "files",
  "download",
  "servers",
  "cache",
  "database",
  "erasure",
  "formats",
  "hashing",
  "base",
  "channel",
  "node",
] as const;
type Room = (typeof rooms)[number];

/** What each room imports: it may import that, and no more. */
const allowed: Record<Room, readonly Room[]> = {
  app: ["client", "database", "formats", "base"],
  save: ["client", "database", "base"],
  client: ["channel", "formats", "base"],
  shell: ["worker"],
  worker: ["http", "zip", "offline", "files", "servers", "cache", "database", "channel", "formats", "base"],
  http: ["files", "formats", "base"],
  zip: ["files", "formats", "base"],
  offline: ["files", "servers", "cache", "database", "formats", "hashing", "base"],
  files: ["download", "servers", "cache", "erasure", "formats", "hashing", "base"],
  download: ["servers", "cache", "erasure", "formats", "hashing", "base"],
  servers: ["formats", "base"],
  cache: ["database", "formats", "base"],
  database: ["base"],
  erasure: ["base"],
  formats: ["hashing", "base"],
  hashing: ["base"],
  base: [],
  channel: ["base"],
  node: ["http", "files", "servers", "erasure", "formats", "hashing", "base"],
};

const checkout = fileURLToPath(new URL("../", import.meta.url));
let tree: string;
let lint: Complaints;
let types: Complaints;

/** What a tool said about each file, by the file's path in the tree. */
type Complaints = Map<string, string[]>;

const planted = new Map<string, string>();
function plant(path: string, text: string): string {
  planted.set(path, text);
  return path;
}

/** Every room has this file, to be imported. */
for (const room of rooms)
  plant(`src/${room}/Thing.ts`, "export interface Thing {\n  size: number;\n}\nexport const thing = 1;\n");
plant("src/files/testing/fake.ts", "export const fake = 1;\n");

const forms = {
  value: (from: string) => `import { thing } from "${from}";\n\nexport const copy = thing;\n`,
  type: (from: string) => `import type { Thing } from "${from}";\n\nexport const copy: Thing = { size: 1 };\n`,
  "re-export": (from: string) => `export { thing } from "${from}";\n`,
  "export *": (from: string) => `export * from "${from}";\n`,
  dynamic: (from: string) => `export const copy = import("${from}");\n`,
  "import type": (from: string) => `export const copy: import("${from}").Thing = { size: 1 };\n`,
};

const plantedImports = rooms.flatMap((from) =>
  rooms
    .filter((to) => to !== from)
    .map((to) => ({
      from,
      to,
      legal: allowed[from].includes(to),
      file: plant(`src/${from}/uses_${to}.ts`, forms.value(`../${to}/Thing.ts`)),
    })),
);

const plantedForms = Object.entries(forms).map(([form, text]) => ({
  form,
  file: plant(`src/cache/${form.replaceAll(/\W/g, "_")}.ts`, text("../download/Thing.ts")),
}));

const detours = ["./../download/Thing.ts", "../base/../download/Thing.ts", "../../src/download/Thing.ts"].map(
  (from, at) => ({ from, file: plant(`src/cache/detour${at}.ts`, forms.value(from)) }),
);

const byLint = [
  [
    "a Node built-in in core",
    "noNodejsModules",
    "src/base/builtin.ts",
    'import { join } from "node:path";\n\nexport const a = join;\n',
  ],
  [
    "a Node built-in in the worker",
    "noNodejsModules",
    "src/worker/builtin.ts",
    'import { join } from "node:path";\n\nexport const a = join;\n',
  ],
  [
    "a Node built-in in a page",
    "noNodejsModules",
    "src/app/builtin.ts",
    'import { join } from "node:path";\n\nexport const a = join;\n',
  ],
  [
    "a package that is not the room's",
    "noRestrictedImports",
    "src/download/package.ts",
    'import { parse } from "yaml";\n\nexport const a = parse;\n',
  ],
  [
    "a test tool outside of tests",
    "noUndeclaredDependencies",
    "src/files/tool.ts",
    'import { test } from "vitest";\n\nexport const a = test;\n',
  ],
  ["a worker global in core", "noRestrictedGlobals", "src/cache/global.ts", "export const a = indexedDB;\n"],
  [
    "a timer beside the clock in core",
    "noRestrictedGlobals",
    "src/download/timer.ts",
    "setTimeout(() => undefined, 1);\n",
  ],
  [
    "a way around the list of globals",
    "noRestrictedGlobals",
    "src/cache/globalThis.ts",
    "export const a = globalThis;\n",
  ],
  [
    "a floating promise",
    "noFloatingPromises",
    "src/files/floating.ts",
    "async function work() {}\nexport function start() {\n  work();\n}\n",
  ],
  [
    "a floating promise of another room's interface",
    "noFloatingPromises",
    "src/download/floating.ts",
    'import type { Store } from "../servers/Store.ts";\n\nexport function start(store: Store) {\n  store.put();\n}\n',
  ],
  [
    "a cycle",
    "noImportCycles",
    "src/files/cycle.ts",
    'import { b } from "./cycleBack.ts";\n\nexport const a = () => b;\n',
  ],
] as const;
plant("src/servers/Store.ts", "export interface Store {\n  put(): Promise<void>;\n}\n");
plant("src/files/cycleBack.ts", 'import { a } from "./cycle.ts";\n\nexport const b = () => a;\n');

const byTypes = [
  ["the DOM in core", "TS2584", "src/base/dom.ts", "export const a = document.title;\n"],
  ["the DOM in the worker", "TS2584", "src/worker/dom.ts", "export const a = document.title;\n"],
  ["the DOM in Node", "TS2584", "src/node/dom.ts", "export const a = document.title;\n"],
  ["Node in core", "TS2591", "src/base/node.ts", "export const a = process.pid;\n"],
  ["Node in the worker", "TS2591", "src/worker/node.ts", "export const a = process.pid;\n"],
  ["Node in a page", "TS2591", "src/app/node.ts", "export const a = process.pid;\n"],
  ["the worker in a page", "TS2304", "src/client/worker.ts", "export const a = importScripts;\n"],
  [
    "test code in the library",
    "TS6307",
    "src/files/shipsFake.ts",
    'import { fake } from "./testing/fake.ts";\n\nexport const a = fake;\n',
  ],
  [
    "a newer Promise than the oldest Node's",
    "TS2550",
    "src/base/newer.ts",
    "export const a = Promise.withResolvers();\n",
  ],
  ["an enum", "TS1294", "src/base/enum.ts", "export enum A {\n  B,\n}\n"],
] as const;
for (const [, , path, text] of [...byLint, ...byTypes]) plant(path, text);

const legal = [
  [
    "packages in their rooms",
    "src/hashing/packages.ts",
    'import { sha256 } from "@noble/hashes/sha2.js";\n\nexport const a = sha256;\n',
  ],
  [
    "Node built-ins in Node",
    "src/node/builtin.ts",
    'import { join } from "node:path";\n\nexport const a = join(process.cwd(), "a");\n',
  ],
  [
    "a room's own folders",
    "src/node/grid/own.ts",
    'import { thing } from "../../base/Thing.ts";\nimport { a } from "../builtin.ts";\n\nexport const b = [a, thing];\n',
  ],
  [
    "web APIs that all realms have",
    "src/files/web.ts",
    'export const a = (signal: AbortSignal) => fetch(new URL("http://a/"), { signal });\n',
  ],
  [
    "test tools, Node and others' test code in tests",
    "src/http/good.test.ts",
    'import { readFileSync } from "node:fs";\nimport { test } from "vitest";\nimport { fake } from "../files/testing/fake.ts";\n\ntest("a", () => {\n  readFileSync(String(fake));\n});\n',
  ],
] as const;
for (const [, path, text] of legal) plant(path, text);

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), "gridfetch-architecture-"));
  const configuration = readdirSync(join(checkout, "src")).filter((name) => /^tsconfig.*\.json$|\.grit$/.test(name));
  for (const path of ["biome.json", "tsconfig.json", "package.json", ...configuration.map((name) => `src/${name}`)]) {
    cpSync(join(checkout, path), join(tree, path));
  }
  symlinkSync(join(checkout, "node_modules"), join(tree, "node_modules"), "junction");
  // biome reads git's list of what to leave out.
  writeFileSync(join(tree, ".gitignore"), "node_modules\n.cache\n");
  for (const [path, text] of planted) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  lint = runBiome();
  types = runTsc();
}, 120_000);

afterAll(() => rmSync(tree, { recursive: true, force: true }));

describe("an import between rooms", () => {
  test.each(plantedImports.filter((one) => one.legal))("$from may import $to", ({ file }) => {
    expect(complaints(file)).toEqual([]);
  });

  test.each(plantedImports.filter((one) => !one.legal))("$from may not import $to", ({ file }) => {
    expect(lint.get(file)).toContainEqual(expect.stringContaining("noRestrictedImports"));
  });

  test.each(plantedForms)("is seen in every form: $form", ({ file }) => {
    expect(lint.get(file) ?? []).not.toEqual([]);
  });

  test.each(detours)("is seen by every path: $from", ({ file }) => {
    expect(lint.get(file)).toContainEqual(expect.stringContaining("noRestrictedImports"));
  });
});

describe("the lint", () => {
  test.each(byLint)("rejects %s (%s)", (_, rule, file) => {
    expect(lint.get(file)).toContainEqual(expect.stringContaining(rule));
  });
});

describe("the type check", () => {
  test.each(byTypes)("rejects %s (%s)", (_, code, file) => {
    expect(types.get(file)).toContainEqual(expect.stringContaining(code));
  });
});

describe("both", () => {
  test.each(legal)("accept %s", (_, file) => {
    expect(complaints(file)).toEqual([]);
  });

  test("know every room", () => {
    const folders = readdirSync(join(checkout, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms).toEqual(expect.arrayContaining(folders.map((folder) => folder.name)));
  });
});

function complaints(file: string): string[] {
  return [...(lint.get(file) ?? []), ...(types.get(file) ?? [])];
}

function runBiome(): Complaints {
  const report = JSON.parse(runTool("@biomejs/biome/bin/biome", ["lint", "--reporter=json", "--max-diagnostics=none"]));
  return collect(report.diagnostics, (found: { category: string; message: string; location: { path: string } }) => [
    found.location.path,
    `${found.category}: ${found.message}`,
  ]);
}

function runTsc(): Complaints {
  const lines = runTool("typescript/bin/tsc", ["-b", "--pretty", "false"]).split("\n");
  const errors = lines.map((line) => /^(\S+?)\(\d+,\d+\): (error .*)$/.exec(line)).filter((match) => match !== null);
  return collect(errors, ([, path = "", message = ""]) => [path, message]);
}

/** The tool's standard output. Both tools end with an error status here, as they must. */
function runTool(program: string, args: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(
    process.execPath,
    [join(checkout, "node_modules", program), ...args],
    { cwd: tree, encoding: "utf8", maxBuffer: 64 << 20, timeout: 100_000 },
  );
  if (status === 0 || status === null) throw new Error(`${program} saw nothing wrong: ${error ?? stderr}`);
  return stdout;
}

function collect<T>(found: readonly T[], read: (one: T) => [path: string, complaint: string]): Complaints {
  const all: Complaints = new Map();
  for (const one of found) {
    const [path, complaint] = read(one);
    const file = relative(tree, join(tree, path)).replaceAll("\\", "/");
    all.set(file, [...(all.get(file) ?? []), complaint]);
  }
  return all;
}
