import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the golden files are. */
export const GOLDEN_FOLDER = fileURLToPath(new URL("./golden/", import.meta.url));

/** A file that real Tahoe-LAFS 1.20 stored, and shares of it as real storage servers serve them over HTTP. */
export interface GoldenFile {
  readonly name: string;
  /** `URI:CHK:…` */
  readonly cap: string;
  /** k */
  readonly needed: number;
  /** N */
  readonly total: number;
  /** Plaintext length in bytes. */
  readonly size: number;
  /** The one in the UEB: a multiple of k. */
  readonly segmentSize: number;
  /** The kept shares by their numbers: k or more, or fewer for a file that is too large to keep here whole. */
  readonly shares: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  /** What was stored; made anew at every call. */
  plaintext(): Uint8Array<ArrayBuffer>;
}

/** One row of golden/index.json. `<name>.shares` is the kept shares, one after the other; all have the same length. */
export interface GoldenEntry extends Omit<GoldenFile, "shares" | "plaintext"> {
  readonly shareLength: number;
  /** Numbers of the kept shares, in the order in which they are in the file. */
  readonly shares: readonly number[];
}

/** All golden files. They have version 1 shares; `relayAsV2` makes version 2 shares of them. */
export function goldenFiles(): GoldenFile[] {
  const index = JSON.parse(readFileSync(`${GOLDEN_FOLDER}index.json`, "utf8")) as GoldenEntry[];
  return index.map(load);
}

/** The golden file of this name. */
export function goldenFile(name: string): GoldenFile {
  const file = goldenFiles().find((candidate) => candidate.name === name);
  if (file === undefined) throw new Error(`there is no golden file ${name}`);
  return file;
}

/** The golden file's plaintext: SHA-256 of "gridfetch golden <name> 0", of "… 1" and so on, cut to `size` bytes. */
export function goldenPlaintext(name: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) {
    const block = createHash("sha256")
      .update(`gridfetch golden ${name} ${at / 32}`)
      .digest();
    bytes.set(block.subarray(0, size - at), at);
  }
  return bytes;
}

function load(entry: GoldenEntry): GoldenFile {
  const { shareLength, shares: numbers, ...facts } = entry;
  const bytes = new Uint8Array(readFileSync(`${GOLDEN_FOLDER}${entry.name}.shares`));
  if (bytes.length !== shareLength * numbers.length) throw new Error(`golden file ${entry.name} has the wrong length`);
  const shares = new Map(numbers.map((number, i) => [number, bytes.slice(i * shareLength, (i + 1) * shareLength)]));
  return { ...facts, shares, plaintext: () => goldenPlaintext(entry.name, entry.size) };
}
