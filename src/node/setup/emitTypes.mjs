// The package's type declarations: those that `tsc -b` made for the entry points and for all that these mention, beside
// the modules that they describe, with the endings that Node's resolution asks for.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkout } from "./checkout.mjs";
import { declarationFile } from "./declarationFile.mjs";

const ENTRIES = [
  "client/index.ts",
  "client/poster/index.ts",
  "client/selfTest/index.ts",
  "save/index.ts",
  "worker/index.ts",
  "files/index.ts",
  "node/index.ts",
  "erasure/index.ts",
];

/** In `from "./a.ts"`, `import "./a.ts"` and `import("./a.ts")`. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*)"(\.{1,2}\/[^"]+)\.ts"/g;

await emitTypes();

async function emitTypes() {
  const left = [...ENTRIES];
  const seen = new Set(left);
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    const text = await readFile(join(checkout, declarationFile(path)), "utf8");
    for (const [, , specifier] of text.matchAll(SPECIFIER)) {
      const found = join(dirname(path), `${specifier}.ts`);
      if (!seen.has(found)) left.push(found);
      seen.add(found);
    }
    const target = join(checkout, "dist/lib", declaration(path));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text.replaceAll(SPECIFIER, '$1"$2.js"'));
  }
}

/** @param {string} path */
function declaration(path) {
  return path.replace(/\.ts$/, ".d.ts");
}
