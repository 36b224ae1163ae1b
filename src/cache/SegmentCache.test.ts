import { expect, test } from "vitest";
import { SegmentCache } from "./SegmentCache.ts";

test("keeps copies within its bound, and uses the memory of what had to go", () => {
  const kept = new SegmentCache(200);
  const segment = new Uint8Array(100);
  const buffers = new Set();
  for (let i = 1; i <= 20; i++) {
    kept.keep(`${i}`, segment.fill(i));
    segment.fill(0);
    const found = [...Array(i + 1).keys()].filter((name) => kept.get(`${name}`) !== undefined);
    expect(found.length).toBe(Math.min(i, 2));
    for (const name of found) expect(kept.get(`${name}`)).toEqual(new Uint8Array(100).fill(name));
    buffers.add(kept.get(`${i}`)?.buffer);
  }
  // Two that are kept and the next one, which is made before another goes.
  expect(buffers.size).toBeLessThanOrEqual(3);
});

test("keeps nothing that is larger than its bound", () => {
  const kept = new SegmentCache(200);
  kept.keep("a", new Uint8Array(201));
  expect(kept.get("a")).toBeUndefined();
});
