import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { DataSpans } from "./DataSpans.ts";

const text = (bytes: Uint8Array | undefined) => bytes && String.fromCharCode(...bytes);
const runs = (data: DataSpans) => [...data.spans()].map(({ offset, length }) => [offset, length]);

test("O-12 get gives the whole range or nothing", () => {
  const data = new DataSpans();
  data.add(10, utf8("abcd"));
  data.add(14, utf8("ef"));
  data.add(20, utf8("x"));
  expect(text(data.get(10, 6))).toBe("abcdef");
  expect(text(data.get(13, 2))).toBe("de");
  for (const [offset, length] of [
    [9, 2],
    [15, 2],
    [10, 11],
    [16, 1],
    [30, 1],
  ] as const) {
    expect(data.get(offset, length)).toBeUndefined();
    expect(data.holds(offset, length)).toBe(false);
  }
});

test("O-12 pieces are views of what was added, good whatever is removed later, and none where a byte is missing", () => {
  const data = new DataSpans();
  const [first, second] = [utf8("ab"), utf8("cd")];
  data.add(0, first);
  data.add(2, second);
  expect(data.pieces(3, 2)).toBeUndefined();
  expect(data.pieces(4, 0)).toEqual([]);
  const pieces = data.pieces(1, 2);
  data.remove(0, 4);
  expect(pieces?.map(text)).toEqual(["b", "c"]);
  expect(pieces?.map(({ buffer }) => buffer)).toEqual([first.buffer, second.buffer]);
});

test("O-13 later bytes win", () => {
  const data = new DataSpans();
  data.add(2, utf8("four"));
  data.add(3, utf8("ea"));
  expect(text(data.get(2, 4))).toBe("fear");
});

test("O-14 pop takes and drops; a failing pop changes nothing", () => {
  const data = new DataSpans();
  data.add(0, utf8("abcdef"));
  expect(text(data.pop(2, 2))).toBe("cd");
  expect(runs(data)).toEqual([
    [0, 2],
    [4, 2],
  ]);
  expect(data.pop(1, 4)).toBeUndefined();
  expect(text(data.get(0, 2))).toBe("ab");
  expect(text(data.get(4, 2))).toBe("ef");
});

test("O-15 removing what is not there does nothing", () => {
  const data = new DataSpans();
  data.add(5, utf8("abc"));
  data.remove(0, 5);
  data.remove(8, 100);
  data.remove(6, 0);
  expect(text(data.get(5, 3))).toBe("abc");
});

test("O-16 gap scan: pieces of 1 to 3 with gaps of 1 or 2, every range added, and every range removed", () => {
  const pieces: [offset: number, length: number][] = [];
  for (let offset = 1, i = 0; i < 6; i++) {
    const length = 1 + (i % 3);
    pieces.push([offset, length]);
    offset += length + 1 + (i % 2);
  }
  const SIZE = 24;
  const base: (number | undefined)[] = Array(SIZE).fill(undefined);
  for (const [offset, length] of pieces) for (let i = 0; i < length; i++) base[offset + i] = offset + i;
  for (let offset = 0; offset < SIZE; offset++) {
    for (let length = 0; offset + length <= SIZE; length++) {
      for (const isAdded of [true, false]) {
        const data = new DataSpans();
        for (const [at, n] of pieces)
          data.add(
            at,
            Uint8Array.from({ length: n }, (_, i) => at + i),
          );
        const model = [...base];
        if (isAdded) data.add(offset, new Uint8Array(length).fill(99));
        else data.remove(offset, length);
        model.fill(isAdded ? 99 : undefined, offset, offset + length);
        const held = Array.from({ length: SIZE }, (_, at) => data.get(at, 1)?.[0]);
        expect(held, `${isAdded} ${offset}, ${length}`).toEqual(model);
      }
    }
  }
});

test("O-17 O-18 chunks are kept as they came, none copied, and are one run as a set", () => {
  const data = new DataSpans();
  const chunks = Array.from({ length: 5000 }, (_, i) => Uint8Array.of(i % 256, (i + 1) % 256));
  for (const [i, chunk] of chunks.entries()) data.add(2 * i, chunk);
  expect([...data.chunks()]).toHaveLength(5000);
  expect(runs(data)).toEqual([[0, 10_000]]);
  (chunks[7] as Uint8Array)[0] = 200;
  expect(data.get(14, 1)).toEqual(Uint8Array.of(200));
});

test("O-19 no bytes are an empty array, never nothing", () => {
  const data = new DataSpans();
  data.add(3, new Uint8Array(0));
  expect([...data.chunks()]).toEqual([]);
  expect(data.get(100, 0)).toEqual(new Uint8Array(0));
  expect(data.pop(3, 0)).toEqual(new Uint8Array(0));
  expect(data.holds(3, 0)).toBe(true);
});

test("S9 O-06 positions far beyond 2^32", () => {
  const data = new DataSpans();
  const at = Number.MAX_SAFE_INTEGER - 3;
  data.add(at, utf8("end"));
  data.add(2 ** 32 - 1, utf8("xyz"));
  expect(text(data.get(at, 3))).toBe("end");
  expect(text(data.get(2 ** 32, 2))).toBe("yz");
  expect(data.get(at - 2 ** 32, 3)).toBeUndefined();
});

describe("V-7 a naive model", () => {
  test("any operations do as it does", () => {
    const SIZE = 48;
    const operations = fc.array(
      fc.record({
        kind: fc.constantFrom("add", "remove", "get", "pop"),
        offset: fc.nat({ max: SIZE - 1 }),
        length: fc.nat({ max: 12 }),
      }),
      { minLength: 30, maxLength: 60 },
    );
    fc.assert(
      fc.property(operations, (script) => {
        const data = new DataSpans();
        const model: (number | undefined)[] = Array(SIZE).fill(undefined);
        for (const [step, { kind, offset, ...rest }] of script.entries()) {
          const length = Math.min(rest.length, SIZE - offset);
          const held = model.slice(offset, offset + length);
          const isWhole = held.every((byte) => byte !== undefined);
          const expected = isWhole ? Uint8Array.from(held as number[]) : undefined;
          if (kind === "add") {
            data.add(offset, new Uint8Array(length).fill(step));
            model.fill(step, offset, offset + length);
          } else if (kind === "remove") {
            data.remove(offset, length);
            model.fill(undefined, offset, offset + length);
          } else if (kind === "get") {
            expect(data.get(offset, length)).toEqual(expected);
          } else {
            expect(data.pop(offset, length)).toEqual(expected);
            if (isWhole) model.fill(undefined, offset, offset + length);
          }
          expect(Array.from({ length: SIZE }, (_, at) => data.get(at, 1)?.[0])).toEqual(model);
          const size = [...data.chunks()].reduce((sum, chunk) => sum + chunk.length, 0);
          expect(size).toBe(model.filter((byte) => byte !== undefined).length);
        }
      }),
      { numRuns: 60 },
    );
  });
});
