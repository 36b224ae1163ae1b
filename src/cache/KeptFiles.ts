import { utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/Clock.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import type { KeepRecord, KeepStore } from "./KeepStore.ts";
import { KeptFile } from "./KeptFile.ts";

const ID_TAG = "gridfetch_kept_file_v1";
const ID_LENGTH = 16;
/** More than are open at once. One that was dropped is looked up again. */
const MOST_FILES = 256;

/** What is kept offline, of every file one view that all its readers and its keeping share. */
export class KeptFiles {
  readonly store: KeepStore;
  /** Hears of changes that come from reading: parts that were put, or found to be wrong. */
  changed: (record: KeepRecord) => void = () => {};
  readonly #clock: Clock;
  /** The least recently used first. */
  readonly #files = new Map<string, KeptFile>();

  constructor(store: KeepStore, clock: Clock) {
    this.store = store;
    this.#clock = clock;
  }

  of(cap: Omit<ChkVerifyCap, "kind">): KeptFile {
    return this.byId(keepIdOf(cap));
  }

  byId(id: string): KeptFile {
    const file = this.#files.get(id) ?? new KeptFile(id, this.store, this.#clock, (record) => this.changed(record));
    this.#files.delete(id);
    this.#files.set(id, file);
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= MOST_FILES) break;
      this.#files.delete(oldest);
    }
    return file;
  }
}

/** What a file is known by to pages. Whoever has its verify cap can compute it; nothing can be computed from it. */
export function keepIdOf({ storageIndex, uebHash, needed, total, size }: Omit<ChkVerifyCap, "kind">): string {
  const text = formatCap({ kind: "CHK-Verifier", storageIndex, uebHash, needed, total, size });
  return encodeBase32(taggedHash(ID_TAG, utf8(text)).subarray(0, ID_LENGTH));
}
