import { GridError } from "../base/GridError.ts";
import type { Code, ErasureCodec } from "./ErasureCodec.ts";
import { productsOf } from "./gf256.ts";
import { type Recipe, Recipes } from "./Recipes.ts";

const recipes = new Recipes();

/** zfec in plain TypeScript: works everywhere. */
export const zfecTypeScript: ErasureCodec = {
  decode(code, blocks, out) {
    checkCode(code);
    const shares = [...blocks.keys()].sort((a, b) => a - b);
    const sources = shares.map((share) => blocks.get(share)!);
    const length = checkBlocks(code, shares, sources);
    check(out.length === code.needed * length, `the output has ${out.length} bytes instead of ${code.needed * length}`);
    const missing: number[] = [];
    for (let primary = 0; primary < code.needed; primary++) {
      const block = blocks.get(primary);
      if (block === undefined) missing.push(primary);
      else out.set(block, primary * length);
    }
    const outs = missing.map((primary) => out.subarray(primary * length, (primary + 1) * length));
    combine(sources, recipes.find(shares, missing), outs);
  },

  encode(code, primaries, shareNumbers) {
    checkCode(code);
    const shares = [...primaries.keys()];
    const length = checkBlocks(code, shares, primaries);
    for (const share of shareNumbers) checkShare(code, share);
    const secondary = shareNumbers.filter((share) => share >= code.needed);
    const outs = secondary.map(() => new Uint8Array(length));
    combine(primaries, recipes.find(shares, secondary), outs);
    const blocks = new Map([...primaries.entries(), ...secondary.map((share, i) => [share, outs[i]!] as const)]);
    return shareNumbers.map((share) => blocks.get(share)!);
  },
};

/**
 * Makes the blocks of the recipes, into `outs`. One look-up serves up to four outputs: the four products of a source's
 * byte are the bytes of one number.
 */
function combine(sources: readonly Uint8Array[], recipes: readonly Recipe[], outs: readonly Uint8Array[]): void {
  for (let first = 0; first < recipes.length; first += LANES) {
    const lanes = recipes.slice(first, first + LANES);
    const tables = sources.map((_, source) => packedProducts(lanes.map(({ factors }) => factors[source]!)));
    for (let at = 0; at < outs[0]!.length; at += STRIDE) {
      const pieces = outs.slice(first, first + LANES).map((out) => out.subarray(at, at + STRIDE));
      const length = pieces[0]!.length;
      sums.fill(0, 0, length);
      for (const [i, source] of sources.entries()) addProducts(source.subarray(at, at + length), tables[i]!);
      for (const [lane, piece] of pieces.entries()) unpack(lane, piece);
    }
  }
}

const LANES = 4;
// Sums of so many positions, 16 KiB, stay in the processor's nearest cache while all sources are added.
const STRIDE = 4096;
const sums = new Uint32Array(STRIDE);

function packedProducts(factors: readonly number[]): Uint32Array {
  const packed = new Uint32Array(256);
  for (const [lane, factor] of factors.entries()) {
    const products = productsOf(factor);
    for (let byte = 0; byte < 256; byte++) packed[byte]! |= products[byte]! << (8 * lane);
  }
  return packed;
}

function addProducts(source: Uint8Array, table: Uint32Array): void {
  for (let i = 0; i < source.length; i++) sums[i]! ^= table[source[i]!]!;
}

function unpack(lane: number, out: Uint8Array): void {
  const shift = 8 * lane;
  for (let i = 0; i < out.length; i++) out[i] = sums[i]! >>> shift;
}

function checkCode({ needed, total }: Code): void {
  const possible =
    Number.isInteger(needed) && Number.isInteger(total) && needed >= 1 && needed <= total && total <= 256;
  check(possible, `a code of ${needed} of ${total} shares`);
}

/** The length that all blocks have. */
function checkBlocks(code: Code, shares: readonly number[], blocks: readonly Uint8Array[]): number {
  check(blocks.length === code.needed, `${blocks.length} blocks instead of ${code.needed}`);
  for (const share of shares) checkShare(code, share);
  const { length } = blocks[0]!;
  check(
    blocks.every((block) => block.length === length),
    "blocks of different lengths",
  );
  return length;
}

function checkShare(code: Code, share: number): void {
  check(Number.isInteger(share) && share >= 0 && share < code.total, `share ${share} of ${code.total}`);
}

function check(condition: boolean, otherwise: string): void {
  if (condition) return;
  throw new GridError("INTERNAL", { reason: otherwise }, `A defect in gridfetch: zfec was given ${otherwise}.`);
}
