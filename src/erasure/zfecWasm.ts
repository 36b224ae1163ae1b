import type { ErasureCodec } from "./ErasureCodec.ts";
import { productsOf } from "./gf256.ts";
import type { Recipe } from "./Recipes.ts";
import { zfecCodec } from "./zfecCodec.ts";
import { zfecKernel } from "./zfecKernel.ts";

/** (tables, inputs, number of inputs, distance of one input or output to the next, outputs, bytes of each) */
type Make = (tables: number, inputs: number, count: number, stride: number, out: number, length: number) => void;

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly make1: Make;
  readonly make2: Make;
  readonly make3: Make;
}

/** Bytes of look-up tables for one input and one output. */
const TABLE = 32;
/** Outputs made in one pass. */
const MOST_ROWS = 3;
/** For 256 inputs and 3 outputs. */
const TABLES_LENGTH = 256 * MOST_ROWS * TABLE;
/** The kernel works on so many bytes at a time. */
const STEP = 32;

/**
 * zfec in WebAssembly SIMD. Undefined where the platform has no SIMD, or forbids WebAssembly (a Content-Security-Policy without
 * wasm-unsafe-eval). The kernel is part of the script, so there is nothing to load and nothing to wait for.
 */
export function zfecWasm(): ErasureCodec | undefined {
  const kernel = instantiate();
  return kernel && zfecCodec(combineWith(kernel));
}

function instantiate(): Kernel | undefined {
  const code = Uint8Array.from(atob(zfecKernel), (character) => character.charCodeAt(0));
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Kernel;
  } catch {
    // No WebAssembly, no SIMD in it, or a policy against it: each is a reason to do without.
    return undefined;
  }
}

function combineWith({ memory, make1, make2, make3 }: Kernel): Parameters<typeof zfecCodec>[0] {
  // The memory never grows: a view of it stays good.
  const bytes = new Uint8Array(memory.buffer);
  const makers = [make1, make2, make3];
  const tables = new WeakMap<readonly Recipe[], Uint8Array[]>();

  return (sources, recipes, outs) => {
    const length = outs[0]?.length ?? 0;
    if (length === 0) return;
    let groups = tables.get(recipes);
    if (groups === undefined) {
      groups = tablesOf(recipes, sources.length);
      tables.set(recipes, groups);
    }
    // Long blocks are done in pieces, so that inputs and outputs of one piece fit: k inputs and up to three outputs.
    const places = sources.length + Math.min(recipes.length, MOST_ROWS);
    const room = Math.floor((bytes.length - TABLES_LENGTH) / places);
    const stride = Math.min(room - (room % STEP), Math.ceil(length / STEP) * STEP);
    for (let at = 0; at < length; at += stride) {
      const end = Math.min(at + stride, length);
      const padded = Math.ceil((end - at) / STEP) * STEP;
      for (const [i, source] of sources.entries()) bytes.set(source.subarray(at, end), TABLES_LENGTH + i * stride);
      const results = TABLES_LENGTH + sources.length * stride;
      for (const [group, table] of groups.entries()) {
        bytes.set(table, 0);
        const first = group * MOST_ROWS;
        const rows = Math.min(MOST_ROWS, recipes.length - first);
        (makers[rows - 1] as Make)(0, TABLES_LENGTH, sources.length, stride, results, padded);
        for (let row = 0; row < rows; row++) {
          const from = results + row * stride;
          (outs[first + row] as Uint8Array).set(bytes.subarray(from, from + end - at), at);
        }
      }
    }
  };
}

/** For each pass of up to three recipes: by input, then by output, the products of the 16 low halves and the 16 high ones. */
function tablesOf(recipes: readonly Recipe[], inputs: number): Uint8Array[] {
  const groups: Uint8Array[] = [];
  for (let first = 0; first < recipes.length; first += MOST_ROWS) {
    const rows = recipes.slice(first, first + MOST_ROWS);
    const table = new Uint8Array(inputs * rows.length * TABLE);
    for (let input = 0; input < inputs; input++) {
      for (const [row, { factors }] of rows.entries()) {
        const products = productsOf(factors[input] as number);
        const at = (input * rows.length + row) * TABLE;
        for (let half = 0; half < 16; half++) {
          table[at + half] = products[half] as number;
          table[at + 16 + half] = products[16 * half] as number;
        }
      }
    }
    groups.push(table);
  }
  return groups;
}
