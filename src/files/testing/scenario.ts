import { isGridError } from "../../base/GridError.ts";
import type { ChkCap, MutableCap } from "../../formats/Cap.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import type { GoldenFile } from "../../formats/testing/golden.ts";
import type { FileNode, ReadOptions } from "../FileNode.ts";
import type { EncodeOptions } from "./encodeShares.ts";
import type { MutableGolden } from "./mutableGolden.ts";
import type { SimulatedGrid } from "./SimulatedGrid.ts";

/** How the file of most scenarios is cut up: of 310 bytes it makes segments of 120, 120 and 70, and ten shares of which three do. */
export const F1: EncodeOptions = { needed: 3, total: 10, maxSegmentSize: 120 };

/** What a read brought before it ended, and the error with which it did. */
export interface Outcome {
  readonly bytes: Buffer;
  /** Lengths of the pieces that came. */
  readonly pieces: readonly number[];
  readonly error: unknown;
  /** Of a GridError; "none" where the read succeeded. */
  readonly code: string;
}

/** Reads to the end, which the virtual clock is run for. */
export async function outcomeOf(grid: SimulatedGrid, node: FileNode, options: ReadOptions = {}): Promise<Outcome> {
  const parts: Uint8Array[] = [];
  const read = async (): Promise<unknown> => {
    try {
      for await (const part of node.read(options) as unknown as AsyncIterable<Uint8Array>) parts.push(part);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const error = await grid.clock.runUntil(read());
  const code = error === undefined ? "none" : isGridError(error) ? error.code : String(error);
  return { bytes: Buffer.concat(parts), pieces: parts.map((part) => part.length), error, code };
}

/** All bytes of a read that must succeed. */
export async function bytesOf(grid: SimulatedGrid, node: FileNode, options: ReadOptions = {}): Promise<Buffer> {
  const { bytes, error } = await outcomeOf(grid, node, options);
  if (error !== undefined) throw error;
  return bytes;
}

/** Code of the GridError with which a read fails; "none" where it succeeds. */
export async function codeOf(grid: SimulatedGrid, node: FileNode, options: ReadOptions = {}): Promise<string> {
  return (await outcomeOf(grid, node, options)).code;
}

/** A copy with some bits of one byte turned over. */
export function flip(bytes: Uint8Array, at: number, bits = 1): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ bits;
  return copy;
}

/** Changes what servers hold of the file: `change` gets each share and gives the bytes in its place. */
export function damage(
  grid: SimulatedGrid,
  storageIndex: string,
  numbers: Iterable<number>,
  change: (share: Uint8Array) => Uint8Array,
): void {
  const damaged = new Set(numbers);
  for (const server of grid.servers) {
    const shares = server.shares.get(storageIndex);
    for (const [number, bytes] of shares ?? []) if (damaged.has(number)) shares?.set(number, change(bytes));
  }
}

/** Puts shares of a golden file, share i on server i, and opens it. */
export function putGolden(
  grid: SimulatedGrid,
  file: GoldenFile,
  numbers: Iterable<number> = file.shares.keys(),
): { node: FileNode; cap: ChkCap; storageIndexText: string } {
  const cap = parseCap(file.cap) as ChkCap;
  const text = storageIndexText(cap.storageIndex);
  for (const number of numbers) {
    grid.servers[number % grid.servers.length]?.hold(text, number, file.shares.get(number) as Uint8Array);
  }
  return { node: grid.nodes.open(cap), cap, storageIndexText: text };
}

/** Puts shares of a golden mutable file, share n on server n. */
export function putMutable(
  grid: SimulatedGrid,
  golden: MutableGolden,
  version = 0,
  numbers?: readonly number[],
  firstServer = 0,
): void {
  const { storageIndex } = parseCap(golden.cap) as MutableCap;
  for (const [number, bytes] of golden.versions[version] ?? []) {
    if (numbers?.includes(number) === false) continue;
    grid.servers[firstServer + number]?.hold(storageIndexText(storageIndex), number, bytes.slice());
  }
}
