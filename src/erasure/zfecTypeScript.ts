import { bufferPool } from "../base/BufferPool.ts";
import { productsOf } from "./gf256.ts";
import type { Recipe } from "./Recipes.ts";
import { zfecCodec } from "./zfecCodec.ts";

const KEEP_BYTES = 4 * 1024 * 1024;

/** zfec in plain TypeScript: works everywhere. */
export const zfecTypeScript = zfecCodec(combine, bufferPool(KEEP_BYTES));

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
