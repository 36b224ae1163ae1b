import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mediaTypesFile } from "./testing/mediaTypesFile.mjs";

test("the table is what is made of the package's", () => {
  expect(readFileSync(new URL("./mediaTypes.ts", import.meta.url), "utf8")).toBe(mediaTypesFile());
});
