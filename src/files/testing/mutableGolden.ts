import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { goldenPlaintext } from "../../formats/testing/golden.ts";

/** Where the golden mutable files and directories are. */
export const MUTABLE_GOLDEN_FOLDER = fileURLToPath(new URL("./mutableGolden/", import.meta.url));

/** A mutable file or a directory that real Tahoe-LAFS 1.20 stored, and its shares as real storage servers serve them. */
export interface MutableGolden {
  readonly name: string;
  /** With all power that there is. */
  readonly cap: string;
  readonly readCap: string;
  readonly needed: number;
  readonly total: number;
  /** Of a file's content. */
  readonly size?: number;
  /** Of a directory: what the gateway says about it as JSON, by the read cap and by the write cap. */
  readonly listing?: unknown;
  readonly readListing?: unknown;
  /** Of every version that was stored one after the other, the shares by number. */
  readonly versions: readonly ReadonlyMap<number, Uint8Array<ArrayBuffer>>[];
}

/** One row of mutableGolden/index.json. `<name>.shares` is the shares 0 to N-1 of the first version, then of the next. */
export interface MutableGoldenEntry extends Omit<MutableGolden, "versions"> {
  readonly shareLength: number;
  readonly versions: number;
}

export function mutableGolden(name: string): MutableGolden {
  const index = JSON.parse(readFileSync(`${MUTABLE_GOLDEN_FOLDER}index.json`, "utf8")) as MutableGoldenEntry[];
  const entry = index.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`there is no golden mutable file ${name}`);
  const { shareLength, total } = entry;
  const bytes = new Uint8Array(readFileSync(`${MUTABLE_GOLDEN_FOLDER}${name}.shares`));
  if (bytes.length !== shareLength * total * entry.versions) throw new Error(`${name}.shares has the wrong length`);
  const share = (at: number) => bytes.slice(at * shareLength, (at + 1) * shareLength);
  const versions = Array.from(
    { length: entry.versions },
    (_, version) => new Map(Array.from({ length: total }, (_, n) => [n, share(version * total + n)])),
  );
  return { ...entry, versions };
}

/** What a golden file held in its first version (0) or a later one. */
export function mutablePlaintext({ name, size = 0 }: MutableGolden, version = 0): Uint8Array<ArrayBuffer> {
  return goldenPlaintext(`${name} ${version}`, size);
}
