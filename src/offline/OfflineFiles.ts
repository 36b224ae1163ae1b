import { utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/Clock.ts";
import { lastFew } from "../base/lastFew.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { OfflineFile } from "./OfflineFile.ts";
import type { OfflineRecord, OfflineStore } from "./OfflineStore.ts";

const ID_TAG = "gridfetch_kept_file_v1";
const ID_LENGTH = 16;
/** More than are open at once. One that was dropped is looked up again. */
const MOST_FILES = 256;

/** What is kept offline, of every file one view that all its readers and its job share. */
export class OfflineFiles {
  readonly #store: OfflineStore;
  readonly #clock: Clock;
  readonly #changed: (record: OfflineRecord) => void;
  readonly #files = new Map<string, OfflineFile>();

  /** @param changed hears of changes that come from reading: parts that were put, or found to be wrong */
  constructor(store: OfflineStore, clock: Clock, changed: (record: OfflineRecord) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** The file that a cap names, which may not be kept at all. */
  of({ storageIndex, uebHash, needed, total, size }: Omit<ChkVerifyCap, "kind">): OfflineFile {
    const cap: ChkVerifyCap = { kind: "CHK-Verifier", storageIndex, uebHash, needed, total, size };
    return this.#file(idOf(cap), cap);
  }

  byId(id: string): OfflineFile {
    return this.#file(id);
  }

  /** The records of all files that are kept, or are to be. @throws GridError STORE_UNAVAILABLE */
  records(): Promise<OfflineRecord[]> {
    return this.#store.list();
  }

  #file(id: string, cap?: ChkVerifyCap): OfflineFile {
    const make = () => new OfflineFile(id, this.#store, this.#clock, this.#changed, cap);
    return lastFew(this.#files, MOST_FILES, id, make);
  }
}

/** What a file is known by to pages. Whoever has its verify cap can compute it; nothing can be computed from it. */
function idOf(cap: ChkVerifyCap): string {
  return encodeBase32(taggedHash(ID_TAG, utf8(formatCap(cap))).subarray(0, ID_LENGTH));
}
