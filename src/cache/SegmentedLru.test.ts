import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SegmentedLru } from "./SegmentedLru.ts";

describe("SegmentedLru", () => {
  it("keeps what was used twice through a long read that uses nothing twice, and that read's end", () => {
    const lru = new SegmentedLru<number>(100);
    for (const key of ["index", "cover"]) lru.set(key, 1, 20);
    expect([lru.get("index"), lru.get("cover")]).toEqual([1, 1]);
    for (let i = 0; i < 1000; i++) lru.set(`segment ${i}`, i, 10);
    expect([lru.get("index"), lru.get("cover")]).toEqual([1, 1]);
    expect([lru.get("segment 994"), lru.get("segment 999"), lru.get("segment 993")]).toEqual([994, 999, undefined]);
  });

  it("does not keep what is larger than all its room, nor what that replaces", () => {
    const lru = new SegmentedLru<number>(100);
    lru.set("a", 1, 100);
    lru.set("a", 2, 101);
    expect(lru.get("a")).toBeUndefined();
  });

  it("does, for any history, what two plain lists would", () => {
    const step = fc.record({ key: fc.constantFrom(..."abcdefgh"), size: fc.option(fc.integer({ min: 1, max: 50 })) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const lru = new SegmentedLru<number>(100);
        type Entry = { key: string; size: number; value: number };
        let fresh: Entry[] = [];
        let proven: Entry[] = [];
        const total = (entries: Entry[]) => entries.reduce((sum, { size }) => sum + size, 0);
        const take = (key: string) => {
          const entry = [...fresh, ...proven].find((each) => each.key === key);
          [fresh, proven] = [fresh.filter((each) => each !== entry), proven.filter((each) => each !== entry)];
          return entry;
        };
        for (const [value, { key, size }] of steps.entries()) {
          const entry = take(key);
          if (size === null) {
            expect(lru.get(key)).toBe(entry?.value);
            if (entry) proven.push(entry);
            while (total(proven) > 50) fresh.push(proven.shift() as Entry);
          } else {
            lru.set(key, value, size);
            fresh.push({ key, size, value });
            while (total([...fresh, ...proven]) > 100) (fresh.length > 0 ? fresh : proven).shift();
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
