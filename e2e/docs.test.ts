import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { makeApiPage } from "../src/node/setup/makeApiPage.mjs";
import { samplesOf } from "./testing/samples.ts";

const checkout = fileURLToPath(new URL("../", import.meta.url));
const DOCUMENTS = ["README.md", "docs/guide.md"];

it("docs/api.md has every export with what its comment says (`npm run docs` makes it)", () => {
  expect(readFileSync(join(checkout, "docs/api.md"), "utf8")).toBe(makeApiPage());
});

it.each([
  ["pages", ["ES2023", "DOM", "DOM.Iterable"], (code: string) => !code.includes("gridfetch/worker"), ""],
  [
    "workers",
    ["ES2023", "WebWorker"],
    (code: string) => code.includes("gridfetch/worker"),
    "/** @type {ServiceWorkerGlobalScope} */\nconst self = /** @type {any} */ (globalThis);\n",
  ],
])("every sample for %s fits the package's types", (_, lib, belongs, before) => {
  const samples = DOCUMENTS.flatMap(samplesOf)
    .map(({ name, code, language }) => ({ name, language, code: language === "html" ? moduleIn(code) : code }))
    .filter(({ language, code }) => ["js", "jsx", "html"].includes(language) && belongs(code));
  expect(samples.length).toBeGreaterThan(1);
  expect(typeErrors(Object.fromEntries(samples.map(({ name, code }) => [name, before + code])), lib)).toBe("");
});

it("notices a sample that does not fit", () => {
  const wrong = 'import { connect } from "gridfetch";\n(await connect()).play();\n';
  expect(typeErrors({ "wrong.js": wrong }, ["ES2023", "DOM"])).toContain("'play' does not exist");
});

it("no link and no file name in a document leads nowhere", () => {
  const inside = ["docs", "src"].flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  const documents = [...readdirSync(checkout), ...inside].filter((path) => path.endsWith(".md"));
  expect(documents).toEqual(
    expect.arrayContaining(["README.md", "docs/guide.md", "docs/decisions/0001-platform-crypto.md"]),
  );
  const nowhere = documents.flatMap((path) => {
    const text = readFileSync(join(checkout, path), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const names = [...text.matchAll(/`((?:src|e2e|docs|bench)\/[\w./-]+\.\w+)`/g)].map(([, name = ""]) => name);
    return [
      ...links.filter((link) => !leadsSomewhere(join(checkout, path), link)).map((link) => `${path}: ${link}`),
      // The bench makes its results; they are not in a fresh clone.
      ...names
        .filter((name) => !name.startsWith("bench/results/") && !existsSync(join(checkout, name)))
        .map((name) => `${path}: ${name}`),
    ];
  });
  expect(nowhere).toEqual([]);
});

/** Is there such a file, and such a heading in it? As GitHub makes anchors of headings. */
function leadsSomewhere(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : join(dirname(from), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.some(
    (heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-") === anchor,
  );
}

/** The script in a page. */
function moduleIn(html: string): string {
  return /<script type="module">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
}

/** What tsc says about these modules. */
function typeErrors(files: Readonly<Record<string, string>>, lib: readonly string[]): string {
  mkdirSync(join(checkout, ".cache"), { recursive: true });
  // In the checkout, where its packages are found.
  const folder = mkdtempSync(join(checkout, ".cache/samples-"));
  try {
    for (const [name, code] of Object.entries(files)) {
      writeFileSync(join(folder, name.replace(/\.html$/, ".js")), code);
    }
    const source = (path: string) => [join(checkout, "src", path)];
    const compilerOptions = {
      target: "ES2022",
      module: "ESNext",
      moduleResolution: "bundler",
      allowJs: true,
      checkJs: true,
      strict: false,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      jsx: "react-jsx",
      lib,
      types: [],
      paths: {
        gridfetch: source("client/index.ts"),
        "gridfetch/poster": source("client/poster/index.ts"),
        "gridfetch/save": source("save/index.ts"),
        "gridfetch/self-test": source("client/selfTest/index.ts"),
        "gridfetch/worker": source("worker/index.ts"),
        "hls.js": [join(checkout, "e2e/readers/node_modules/hls.js/dist/hls.d.ts")],
      },
    };
    const include = Object.keys(files).map((name) => name.replace(/\.html$/, ".js"));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
    const tsc = join(checkout, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { encoding: "utf8" });
    // The package's own source is checked elsewhere, and more strictly.
    return stdout
      .split("\n")
      .filter((line) => /^\S*samples-/.test(line))
      .join("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
