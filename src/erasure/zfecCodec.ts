import type { BufferPool } from "../base/BufferPool.ts";
import { GridError } from "../base/GridError.ts";
import type { Code, ErasureCodec } from "./ErasureCodec.ts";
import { type Recipe, Recipes } from "./Recipes.ts";

/**
 * The arithmetic of zfec: makes the blocks of the recipes, each the sum of all sources times its factors, into `outs`.
 * Sources and outs have one length.
 */
export type Combine = (sources: readonly Uint8Array[], recipes: readonly Recipe[], outs: readonly Uint8Array[]) => void;

/** zfec with the arithmetic done by `combine`: all else is the same for every implementation. */
export function zfecCodec(combine: Combine, memory: BufferPool): ErasureCodec {
  const recipes = new Recipes();
  return {
    memory,

    decode(code, blocks, out) {
      checkCode(code);
      const shares = [...blocks.keys()].sort((a, b) => a - b);
      const sources = shares.map((share) => blocks.get(share)!);
      const length = checkBlocks(code, shares, sources);
      check(
        out.length === code.needed * length,
        `the output has ${out.length} bytes instead of ${code.needed * length}`,
      );
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
