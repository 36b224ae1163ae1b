import { bufferPool } from "../base/BufferPool.ts";
import { Arena } from "./Arena.ts";
import type { ErasureCodec } from "./ErasureCodec.ts";
import { productsOf } from "./gf256.ts";
import type { Recipe } from "./Recipes.ts";
import { type Combine, zfecCodec } from "./zfecCodec.ts";
import { zfecKernel } from "./zfecKernel.ts";

/** (tables, list of inputs' addresses, number of inputs, addresses of one to three outputs, bytes of each) */
type Make = (tables: number, inputs: number, count: number, ...outsAndLength: number[]) => void;

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly make1: Make;
  readonly make2: Make;
  readonly make3: Make;
}

/** Bytes of look-up tables for one input and one output. */
const TABLE = 32;
/** Outputs made in one pass. */
const MOST_ROWS = 3;
/** The kernel works on so many bytes at a time, and on no fewer. */
const STEP = 32;
const MOST_INPUTS = 256;
/** The kernel's memory: tables, then addresses, then room for what lies elsewhere, then what is handed out. */
const ADDRESSES = MOST_INPUTS * MOST_ROWS * TABLE;
const ROOM = ADDRESSES + 4 * MOST_INPUTS;
const ROOM_END = 1024 * 1024;
/** Kept of the memory that is used when the kernel's own is full. */
const KEEP_BYTES = 4 * 1024 * 1024;

/**
 * zfec in WebAssembly SIMD. Undefined where the platform has no SIMD, or forbids WebAssembly (a Content-Security-Policy without
 * wasm-unsafe-eval). The kernel is part of the script, so there is nothing to load and nothing to wait for.
 */
export function zfecWasm(): ErasureCodec | undefined {
  const kernel = instantiate();
  if (kernel === undefined) return undefined;
  // The memory never grows: views of it stay good.
  const { buffer } = kernel.memory;
  return zfecCodec(combineWith(kernel), new Arena(buffer, ROOM_END, bufferPool(KEEP_BYTES)));
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

function combineWith({ memory, make1, make2, make3 }: Kernel): Combine {
  const { buffer } = memory;
  const bytes = new Uint8Array(buffer);
  const addresses = new Uint32Array(buffer, ADDRESSES, MOST_INPUTS);
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
    const isHere = (one: Uint8Array) => one.buffer === buffer && length >= STEP;
    const outsAreHere = outs.every(isHere);
    // What lies elsewhere is copied in and out, in pieces of which k inputs and up to three outputs have room.
    const places = sources.length + MOST_ROWS;
    const room = Math.floor((ROOM_END - ROOM) / places / STEP) * STEP;
    const piece = outsAreHere && sources.every(isHere) ? length : Math.min(room, length);
    const stride = Math.ceil(piece / STEP) * STEP;
    const results = ROOM + sources.length * stride;
    for (let at = 0; at < length; at += piece) {
      // The last piece goes back a little rather than be short.
      const start = Math.max(0, Math.min(at, length - piece));
      for (const [i, source] of sources.entries()) {
        const place = ROOM + i * stride;
        addresses[i] = isHere(source) ? source.byteOffset + start : place;
        if (!isHere(source)) bytes.set(source.subarray(start, start + piece), place);
      }
      for (const [group, table] of groups.entries()) {
        bytes.set(table, 0);
        const rows = outs.slice(group * MOST_ROWS, (group + 1) * MOST_ROWS);
        const places = rows.map((out, row) => (outsAreHere ? out.byteOffset + start : results + row * stride));
        (makers[rows.length - 1] as Make)(0, ADDRESSES, sources.length, ...places, Math.max(piece, STEP));
        if (outsAreHere) continue;
        for (const [row, out] of rows.entries()) {
          const from = results + row * stride;
          out.set(bytes.subarray(from, from + piece), start);
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
