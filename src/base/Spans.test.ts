import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Spans } from "./Spans.ts";

const of = (...ranges: [offset: number, length: number][]) =>
  new Spans(ranges.map(([offset, length]) => ({ offset, length })));
const runs = (spans: Spans) => [...spans].map(({ offset, length }) => [offset, length]);

test("O-01 the empty set", () => {
  const empty = new Spans();
  expect(runs(empty)).toEqual([]);
  expect(empty.isEmpty).toBe(true);
  expect(empty.count()).toBe(0);
  expect(empty.contains(0, 1)).toBe(false);
  expect(empty.overlaps(0, 2 ** 53)).toBe(false);
});

test("O-02 membership is every position being there", () => {
  const spans = of([3, 4]);
  for (const [offset, length] of [
    [3, 4],
    [3, 1],
    [5, 2],
    [6, 1],
  ] as const)
    expect(spans.contains(offset, length)).toBe(true);
  for (const [offset, length] of [
    [6, 2],
    [7, 1],
    [0, 1],
    [2, 2],
    [0, 10],
  ] as const)
    expect(spans.contains(offset, length)).toBe(false);
});

test("O-03 a copy is independent", () => {
  const spans = of([3, 4]);
  const copy = spans.copy();
  copy.add(10, 1);
  copy.remove(3, 1);
  expect(runs(spans)).toEqual([[3, 4]]);
  expect(runs(copy)).toEqual([
    [4, 3],
    [10, 1],
  ]);
});

test("O-04 neighbours and overlaps become one run", () => {
  expect(runs(of([3, 4], [7, 2]))).toEqual([[3, 6]]);
  expect(runs(of([7, 2], [3, 4]))).toEqual([[3, 6]]);
  expect(runs(of([0, 2], [4, 2], [8, 2], [1, 8]))).toEqual([[0, 10]]);
});

test("O-05 removing from the middle splits", () => {
  const spans = of([0, 10]);
  spans.remove(5, 3);
  expect(runs(spans)).toEqual([
    [0, 5],
    [8, 2],
  ]);
});

test("S9 O-06 O-07 positions and lengths up to 2^53-1 are exact, and the length is a method with a name", () => {
  const spans = of([4, Number.MAX_SAFE_INTEGER - 4]);
  expect(spans.count()).toBe(2 ** 53 - 5);
  expect(spans.contains(2 ** 53 - 3, 2)).toBe(true);
  expect(spans.contains(2 ** 32, 2 ** 32)).toBe(true);
  expect(spans.contains(3, 2)).toBe(false);
  spans.remove(2 ** 32, 1);
  expect(runs(spans)).toEqual([
    [4, 2 ** 32 - 4],
    [2 ** 32 + 1, Number.MAX_SAFE_INTEGER - 2 ** 32 - 1],
  ]);
  expect(spans.overlaps(2 ** 32, 1)).toBe(false);
  expect(spans.count()).toBe(2 ** 53 - 6);
});

test("O-08 difference and intersection leave their operands alone; empty ones too", () => {
  const [a, b, empty] = [of([0, 5], [10, 5]), of([3, 9]), of()];
  expect(runs(a.difference(b))).toEqual([
    [0, 3],
    [12, 3],
  ]);
  expect(runs(a.intersection(b))).toEqual([
    [3, 2],
    [10, 2],
  ]);
  for (const set of [a.intersection(empty), empty.intersection(a), empty.difference(a)]) expect(set.isEmpty).toBe(true);
  expect(runs(a)).toEqual([
    [0, 5],
    [10, 5],
  ]);
  expect(runs(b)).toEqual([[3, 9]]);
});

test.each([0, -1])("O-10 a run of length %i adds, removes and overlaps nothing, and is in every set", (length) => {
  const spans = of([3, 4]);
  spans.add(0, length);
  spans.remove(5, length);
  expect(runs(spans)).toEqual([[3, 4]]);
  expect(spans.overlaps(5, length)).toBe(false);
  expect(spans.contains(100, length)).toBe(true);
});

test("O-11 overlaps, every pair of small runs", () => {
  for (let a = 0; a < 8; a++) {
    for (let b = 1; b < 8; b++) {
      const spans = of([a, b]);
      for (let c = 0; c < 16; c++) {
        for (let d = 0; d < 8; d++) {
          const isShared = Array.from({ length: d }, (_, i) => c + i).some((at) => at >= a && at < a + b);
          expect(spans.overlaps(c, d), `${a}+${b}, ${c}+${d}`).toBe(isShared);
        }
      }
    }
  }
});

describe("V-7 a naive model", () => {
  const SIZE = 48;

  /** Which positions are in the set, one boolean for each. */
  type Model = boolean[];

  const modelOf = (spans: Spans): Model => {
    const model: Model = Array(SIZE).fill(false);
    for (const { offset, length } of spans) model.fill(true, offset, offset + length);
    return model;
  };

  const operations = fc.array(
    fc.record({
      kind: fc.constantFrom("add", "remove", "difference", "intersection"),
      offset: fc.nat({ max: SIZE - 1 }),
      length: fc.nat({ max: 12 }),
      second: fc.nat({ max: SIZE - 1 }),
    }),
    { minLength: 30, maxLength: 60 },
  );

  test("O-09 any operations do as the model, with runs sorted, disjoint and never adjacent", () => {
    fc.assert(
      fc.property(operations, (script) => {
        let spans = new Spans();
        const model: Model = Array(SIZE).fill(false);
        for (const { kind, offset, second, ...rest } of script) {
          const length = Math.min(rest.length, SIZE - offset);
          const other = of([offset, length], [second, Math.min(3, SIZE - second)]);
          const inOther = modelOf(other);
          if (kind === "add") spans.add(offset, length);
          else if (kind === "remove") spans.remove(offset, length);
          else spans = spans[kind](other);
          for (let at = 0; at < SIZE; at++) {
            const isInRun = at >= offset && at < offset + length;
            if (kind === "add") model[at] ||= isInRun;
            else if (kind === "remove") model[at] &&= !isInRun;
            else if (kind === "difference") model[at] &&= !inOther[at];
            else model[at] &&= inOther[at] as boolean;
          }
          expect(modelOf(spans)).toEqual(model);
          expect(spans.count()).toBe(model.filter(Boolean).length);
          expect(spans.contains(offset, length)).toBe(model.slice(offset, offset + length).every(Boolean));
          expect(spans.overlaps(offset, length)).toBe(model.slice(offset, offset + length).some(Boolean));
          let end = -1;
          for (const run of spans) {
            expect(run.offset).toBeGreaterThan(end);
            expect(run.length).toBeGreaterThan(0);
            end = run.offset + run.length;
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
