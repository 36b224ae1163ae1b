// docs/api.md, from the declarations that `tsc -b` makes of the package's entry points: what is exported is in it, with what its
// comments say. `npm run docs` writes it; a test compares.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkout } from "./checkout.mjs";
import { declarationOf } from "./declarationOf.mjs";

/** Each entry point: how it is imported, and its module. Its own comment introduces it. */
const ENTRIES = [
  ["gridfetch", "client/index.ts"],
  ["gridfetch/poster", "client/poster/index.ts"],
  ["gridfetch/save", "save/index.ts"],
  ["gridfetch/self-test", "client/selfTest/index.ts"],
  ["gridfetch/worker", "worker/index.ts"],
  ["gridfetch/core", "files/index.ts"],
  ["gridfetch/node", "node/index.ts"],
  ["gridfetch/zfec", "erasure/index.ts"],
];

const HEAD = `# API

Every export of the package, made from the comments in the source by \`npm run docs\`. How things are used is in [guide.md](guide.md). All functions
that do not say otherwise throw \`GridError\`; a read that was cancelled fails with its signal's own reason.

\`gridfetch/worker.js\` is the ready-made Service Worker as a file: \`gridfetch install <folder>\` copies it.
`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(join(checkout, "docs/api.md"), makeApiPage());
}

/** The page's text. */
export function makeApiPage() {
  /** Where an export was described already: several entry points have GridError. */
  /** @type {Map<string, string>} */
  const described = new Map();
  const sections = ENTRIES.map(([specifier = "", module = ""]) => {
    const { comment, names } = exportsOf(module);
    const parts = names.map(({ name, from }) => {
      const before = described.get(`${from} ${name}`);
      described.set(`${from} ${name}`, specifier);
      if (before !== undefined) return `### \`${name}\`\n\nAs in \`${before}\`.\n`;
      const { doc, text } = declarationOf(from, name);
      if (doc === "") throw new Error(`${name} in src/${from} is exported and has no comment`);
      return `### \`${name}\`\n\n${doc}\n\n\`\`\`ts\n${text}\n\`\`\`\n`;
    });
    return `## \`${specifier}\`\n\n${comment}\n\n${parts.join("\n")}`;
  });
  return [HEAD, ...sections].join("\n");
}

/** @param {string} module */
function exportsOf(module) {
  const text = readFileSync(join(checkout, "src", module), "utf8");
  const comment = /^\/\*\* (.*) \*\/$/m.exec(text)?.[1] ?? "";
  const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm)].flatMap(
    ([, list = "", from = ""]) =>
      list
        .split(",")
        .map((item) => item.trim().replace(/^type /, ""))
        .filter((name) => name !== "")
        .map((name) => ({ name, from: join(dirname(module), from) })),
  );
  return { comment, names };
}
