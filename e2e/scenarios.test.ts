import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../src/", import.meta.url));
const page = readFileSync(fileURLToPath(new URL("../docs/scenarios.md", import.meta.url)), "utf8");

/** How many rows each section has. */
const COUNTS = {
  A: 24,
  B: 29,
  C: 15,
  D: 19,
  E: 21,
  F: 15,
  G: 16,
  H: 16,
  I: 8,
  J: 5,
  K: 24,
  L: 16,
  M: 16,
  N: 10,
  O: 19,
  P: 16,
  Q: 8,
  R: 21,
  S: 9,
  T: 6,
  U: 8,
  V: 8,
  W: 11,
  X: 2,
  Y: 4,
  Z: 11,
  AA: 8,
  BB: 5,
  KD: 12,
};

const rows = [...page.matchAll(/^\| ([A-Z]+-\d+) \| (.*) \| (.*) \|$/gm)].map(([, tag, , where]) => ({
  tag: tag as string,
  where: where as string,
}));

/** The test files that a row names: `files/reading` or `files/golden.`. */
function filesOf(where: string): string[] {
  const names = [...where.matchAll(/\b((?:[a-z]+\/)+[A-Za-z\d]+)(\.(?!test))?(?=[,;. )]|$)/g)];
  return names.map(([, name, dot]) => `${src}${name}${dot ? ".test.ts" : ".scenarios.test.ts"}`);
}

describe("docs/scenarios.md", () => {
  it.each(Object.entries(COUNTS))("has every row of section %s", (section, count) => {
    const numbers = rows.filter(({ tag }) => tag.startsWith(`${section}-`)).map(({ tag }) => Number(tag.split("-")[1]));
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  });

  it.each(rows.filter(({ tag }) => !tag.startsWith("KD-")))(
    "$tag has a test with its tag where the page says, or a reason for having none",
    ({ tag, where }) => {
      const files = filesOf(where);
      if (files.length === 0) {
        expect(where.length, "a reason").toBeGreaterThan(20);
        return;
      }
      for (const file of files) expect(existsSync(file), file).toBe(true);
      const titled = files.filter((file) => new RegExp(`["\`][^"\`\\n]*\\b${tag}\\b`).test(readFileSync(file, "utf8")));
      expect(titled.length, `a title with ${tag}`).toBeGreaterThan(0);
    },
  );
});
