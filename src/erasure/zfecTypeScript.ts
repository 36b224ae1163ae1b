import { GridError } from "../base/GridError.ts";
import type { Code, ErasureCodec } from "./ErasureCodec.ts";
import { productsOf } from "./gf256.ts";
import { Recipes } from "./Recipes.ts";

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
    for (const { share, factors } of recipes.find(shares, missing)) {
      combine(sources, factors, out.subarray(share * length, (share + 1) * length));
    }
  },

  encode(code, primaries, shareNumbers) {
    checkCode(code);
    const shares = [...primaries.keys()];
    const length = checkBlocks(code, shares, primaries);
    for (const share of shareNumbers) checkShare(code, share);
    const secondary = shareNumbers.filter((share) => share >= code.needed);
    const made = new Map<number, Uint8Array>(primaries.entries());
    for (const { share, factors } of recipes.find(shares, secondary)) {
      const block = new Uint8Array(length);
      combine(primaries, factors, block);
      made.set(share, block);
    }
    return shareNumbers.map((share) => made.get(share)!);
  },
};

/** out = the sum of sources times their factors. Four sources a pass, so that `out` is written once for each four. */
function combine(sources: readonly Uint8Array[], factors: Uint8Array, out: Uint8Array): void {
  const last = sources.length - 1;
  for (let at = 0; at <= last; at += 4) {
    // Where fewer than four are left, a factor of 0 makes the source, whichever, count for nothing.
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => sources[Math.min(at + i, last)]!) as FourArrays;
    const [aTimes, bTimes, cTimes, dTimes] = [0, 1, 2, 3].map((i) => productsOf(factors[at + i] ?? 0)) as FourArrays;
    for (let i = 0; i < out.length; i++) {
      const sum = aTimes[a[i]!]! ^ bTimes[b[i]!]! ^ cTimes[c[i]!]! ^ dTimes[d[i]!]!;
      out[i] = at === 0 ? sum : out[i]! ^ sum;
    }
  }
}

type FourArrays = [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

function checkCode({ needed, total }: Code): void {
  const possible = Number.isInteger(needed) && Number.isInteger(total) && needed >= 1 && needed <= total && total <= 256;
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
