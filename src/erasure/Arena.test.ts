import fc from "fast-check";
import { expect, test } from "vitest";
import { bufferPool } from "../base/BufferPool.ts";
import { Arena } from "./Arena.ts";

const otherwise = bufferPool(0);

test("what is taken overlaps nothing else that is, whatever is given back meanwhile", () => {
  const steps = fc.array(
    fc.oneof(fc.record({ take: fc.integer({ min: 0, max: 900 }) }), fc.record({ give: fc.nat() })),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const arena = new Arena(new ArrayBuffer(4096), 100, otherwise);
      const taken: { buffer: Uint8Array<ArrayBuffer>; mark: number }[] = [];
      for (const [mark, step] of all.entries()) {
        if ("take" in step) {
          const buffer = arena.take(step.take);
          expect(buffer.length).toBe(step.take);
          taken.push({ buffer: buffer.fill(mark), mark });
        } else if (taken.length > 0) {
          const [{ buffer }] = taken.splice(step.give % taken.length, 1) as [(typeof taken)[number]];
          arena.give(buffer);
        }
        for (const { buffer, mark } of taken) expect(buffer.every((byte) => byte === mark)).toBe(true);
      }
    }),
  );
});

test("all of it can be had again, and nothing before its start", () => {
  const buffer = new ArrayBuffer(4096);
  const arena = new Arena(buffer, 100, otherwise);
  for (let round = 0; round < 3; round++) {
    const taken = Array.from({ length: 31 }, () => arena.take(100));
    expect(taken.every((one) => one.buffer === buffer)).toBe(true);
    expect(Math.min(...taken.map(({ byteOffset }) => byteOffset))).toBe(128);
    expect(arena.take(1).buffer).not.toBe(buffer);
    for (const one of taken) arena.give(one);
  }
});

test("what has no room comes from elsewhere, and goes back there", () => {
  const given: number[] = [];
  const elsewhere = {
    take: (length: number) => new Uint8Array(length),
    give: ({ length }: Uint8Array) => given.push(length),
  };
  const buffer = new ArrayBuffer(1024);
  const arena = new Arena(buffer, 0, elsewhere);
  arena.give(arena.take(2000));
  expect(given).toEqual([2000]);
  expect(arena.take(1024).buffer).toBe(buffer);
});
