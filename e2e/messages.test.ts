import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const checkout = fileURLToPath(new URL("../", import.meta.url));
const page = readFileSync(`${checkout}docs/messages.md`, "utf8");

const tags = [...page.matchAll(/^\| ([A-Z]+-\d+) \|/gm)].map(([, tag]) => tag as string);
const tests = ["src", "e2e"]
  .flatMap((folder) =>
    readdirSync(checkout + folder, { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  )
  .filter((path) => /\.(?:test|spec)\.ts$/.test(path))
  .map((path) => readFileSync(checkout + path, "utf8"));

it("no two rows of docs/messages.md have one tag", () => {
  expect(tags).toEqual([...new Set(tags)]);
});

it.each(tags)("%s of docs/messages.md has a test with its tag in the title or in a table of cases", (tag) => {
  expect(tests.filter((text) => new RegExp(`["\`][^"\`\\n]*\\b${tag}\\b`).test(text)).length).toBeGreaterThan(0);
});
