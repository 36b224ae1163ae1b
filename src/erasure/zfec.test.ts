import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import type { Code, ErasureCodec } from "./ErasureCodec.ts";
import { zfecTypeScript } from "./zfecTypeScript.ts";
import { zfecWasm } from "./zfecWasm.ts";

const edge = new Uint8Array(35).fill(0xee);

interface Vector extends Code {
  readonly primaries: string;
  readonly others: string;
}

const file = new URL("./testing/zfec-vectors.json", import.meta.url);
const vectors = (JSON.parse(readFileSync(file, "utf8")) as Vector[]).map((vector) => ({
  ...vector,
  name: `${vector.needed} of ${vector.total}`,
  blocks: cut(Buffer.from(vector.primaries + vector.others, "hex"), vector.total),
}));

function cut(bytes: Uint8Array, count: number): Uint8Array[] {
  const length = bytes.length / count;
  return Array.from({ length: count }, (_, i) => new Uint8Array(bytes.subarray(i * length, (i + 1) * length)));
}

function pick(blocks: readonly Uint8Array[], shares: readonly number[]): Map<number, Uint8Array> {
  return new Map(shares.map((share) => [share, blocks[share]!]));
}

// Every implementation has to pass these.
describe.each<[string, ErasureCodec]>([
  ["TypeScript", zfecTypeScript],
  ["WebAssembly", zfecWasm()!],
])("zfec in %s", (_, codec) => {
  describe.each(vectors)("$name", ({ needed, total, blocks }) => {
    const code = { needed, total };
    const primaries = blocks.slice(0, needed);
    const everyShare = blocks.map((_block, share) => share);

    test("makes the blocks that the zfec package makes", () => {
      const made = codec.encode(code, primaries, everyShare);
      expect(Buffer.concat(made).toString("hex")).toBe(Buffer.concat(blocks).toString("hex"));
    });

    test("finds the primaries again from any k blocks", () => {
      const subsets = fc.shuffledSubarray(everyShare, { minLength: needed, maxLength: needed });
      fc.assert(
        fc.property(subsets, (shares) => {
          const out = new Uint8Array(needed * primaries[0]!.length).fill(0xee);
          codec.decode(code, pick(blocks, shares), out);
          expect(out).toEqual(concatBytes(primaries));
        }),
        { numRuns: needed > 100 ? 5 : 50 },
      );
    });

    test("finds the primaries again from the last k blocks", () => {
      const out = new Uint8Array(needed * primaries[0]!.length);
      codec.decode(code, pick(blocks, everyShare.slice(-needed)), out);
      expect(out).toEqual(concatBytes(primaries));
    });
  });

  test("round trip of any bytes, code and subset", () => {
    const cases = fc
      .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 70 }))
      .chain(([needed, more, length]) =>
        fc.record({
          code: fc.constant({ needed, total: needed + more }),
          primaries: fc.array(fc.uint8Array({ minLength: length, maxLength: length }), {
            minLength: needed,
            maxLength: needed,
          }),
          shares: fc.shuffledSubarray([...Array(needed + more).keys()], { minLength: needed, maxLength: needed }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ code, primaries, shares }) => {
        const blocks = codec.encode(code, primaries, shares);
        const out = new Uint8Array(primaries[0]!.length * code.needed);
        codec.decode(code, new Map(shares.map((share, i) => [share, blocks[i]!])), out);
        expect(out).toEqual(concatBytes(primaries));
      }),
    );
  });

  test("works on blocks that lie anywhere in larger buffers", () => {
    const { needed, total, blocks } = vectors.find(({ name }) => name === "3 of 10")!;
    const length = blocks[0]!.length;
    const memory = concatBytes([Uint8Array.of(1), blocks[9]!, blocks[4]!, blocks[7]!]);
    const at = (i: number) => memory.subarray(1 + i * length, 1 + (i + 1) * length);
    const out = new Uint8Array(3 * length + 2);
    codec.decode(
      { needed, total },
      new Map([
        [9, at(0)],
        [4, at(1)],
        [7, at(2)],
      ]),
      out.subarray(1, -1),
    );
    expect(out).toEqual(concatBytes([Uint8Array.of(0), ...blocks.slice(0, 3), Uint8Array.of(0)]));
  });

  test("works on blocks in its own memory as on blocks elsewhere, for every length", () => {
    const { memory } = codec;
    const place = (bytes: Uint8Array) => {
      const own = memory.take(bytes.length + 1);
      own.set(bytes, 1);
      return own.subarray(1);
    };
    const lengths = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 9000 }));
    fc.assert(
      fc.property(
        lengths,
        fc.shuffledSubarray([...Array(9).keys()], { minLength: 4, maxLength: 4 }),
        (length, shares) => {
          const code = { needed: 4, total: 9 };
          const primaries = [1, 2, 3, 4].map((seed) => Uint8Array.from({ length }, (_, i) => i * seed + seed));
          const blocks = codec.encode(code, primaries, shares);
          const isOwn = shares.map((share) => share % 3 > 0);
          for (const own of [isOwn, isOwn.map(() => true)]) {
            const placed = blocks.map((bytes, i) => (own[i] ? place(bytes) : bytes));
            const out = memory.take(4 * length + 70);
            out.fill(0xee);
            codec.decode(
              code,
              new Map(shares.map((share, i) => [share, placed[i]!])),
              out.subarray(35, 35 + 4 * length),
            );
            expect(Buffer.compare(out, concatBytes([edge, ...primaries, edge]))).toBe(0);
            memory.give(out);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
  const block = Uint8Array.of(1, 2);
  test.each<[string, Code, [number, Uint8Array][], number]>([
    ["too few blocks", { needed: 2, total: 3 }, [[0, block]], 4],
    [
      "too many blocks",
      { needed: 1, total: 3 },
      [
        [0, block],
        [1, block],
      ],
      2,
    ],
    ["a share that the code does not have", { needed: 1, total: 3 }, [[3, block]], 2],
    ["a share number below 0", { needed: 1, total: 3 }, [[-1, block]], 2],
    [
      "blocks of different lengths",
      { needed: 2, total: 3 },
      [
        [0, block],
        [2, Uint8Array.of(1)],
      ],
      4,
    ],
    ["an output of another length", { needed: 1, total: 3 }, [[0, block]], 3],
    ["k = 0", { needed: 0, total: 3 }, [], 0],
    [
      "k > N",
      { needed: 2, total: 1 },
      [
        [0, block],
        [1, block],
      ],
      4,
    ],
    ["N > 256", { needed: 1, total: 257 }, [[0, block]], 2],
  ])("refuses %s", (_name, code, blocks, length) => {
    expect(() => codec.decode(code, new Map(blocks), new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: "INTERNAL" }),
    );
  });
});
