import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import { type ChainEntry, formatShareHashChain, parseShareHashChain } from "./ShareHashChain.ts";

const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => new Uint8Array(bytes));

test("the bytes of a chain: big-endian node numbers, each with its hash", () => {
  const entries: ChainEntry[] = [
    [258, new Uint8Array(32).fill(7)],
    [4, new Uint8Array(32).fill(8)],
  ];
  const bytes = formatShareHashChain(entries);
  expect(bytes).toEqual(
    concatBytes([Uint8Array.of(1, 2), new Uint8Array(32).fill(7), Uint8Array.of(0, 4), new Uint8Array(32).fill(8)]),
  );
  expect(parseShareHashChain(bytes)).toEqual(entries);
});

test("H-01 any chain comes back in its own order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 65_535 }), hash), { minLength: 1, maxLength: 9 }), (entries) => {
      const bytes = concatBytes([new Uint8Array(3), formatShareHashChain(entries)]).subarray(3);
      const parsed = parseShareHashChain(bytes);
      bytes.fill(0);
      expect(parsed).toEqual(entries);
    }),
  );
});

test("any other length is refused", () => {
  for (let length = 0; length < 400; length++) {
    const parse = () => parseShareHashChain(new Uint8Array(length));
    if (length > 0 && length <= 306 && length % 34 === 0) expect(parse()).toHaveLength(length / 34);
    else expect(parse).toThrow(badFormat);
  }
});
