import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { GrowingBytes } from "./GrowingBytes.ts";

it("pieces of all sizes come out in their order, and those that come later are others", () => {
  const bytes = new GrowingBytes();
  for (let round = 0; round < 3; round++) {
    const pieces = Array.from({ length: 60 }, (_, n) => randomBytes(n * 100 * round));
    for (const piece of pieces) bytes.add(piece);
    const expected = Buffer.concat(pieces);
    expect(bytes.length).toBe(expected.length);
    expect(bytes.take().equals(expected)).toBe(true);
    expect(bytes.length).toBe(0);
  }
});

it("many small ones take no more memory than twice their own", () => {
  const bytes = new GrowingBytes();
  for (let n = 0; n < 20_000; n++) bytes.add(Buffer.of(n & 255));
  const all = bytes.take();
  expect(all.length).toBe(20_000);
  expect(all.buffer.byteLength).toBeLessThanOrEqual(2 * all.length);
});
