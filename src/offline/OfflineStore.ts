import type { Keep } from "../base/Keep.ts";
import type { FileFact, PartNames } from "../cache/FileParts.ts";

/** A file that is kept offline, as it is written down. It says how to find and verify its ciphertext, and has no key. */
export interface OfflineRecord extends Keep {
  /** The verify cap's text. */
  readonly cap: string;
  /** The grid's name in the configuration; empty for the first. */
  readonly grid: string;
}

/** Verified parts of a file. */
export interface OfflineParts {
  readonly facts: ReadonlyMap<FileFact, Uint8Array>;
  /** Ciphertext by segment number. */
  readonly segments: ReadonlyMap<number, Uint8Array>;
}

/**
 * Where files are kept offline. Nothing leaves it by itself. Every call is one step, of which all happens or nothing, and
 * what it changed is written when it resolves. Several workers may use one at the same time. All calls throw GridError STORE_UNAVAILABLE.
 */
export interface OfflineStore {
  list(): Promise<OfflineRecord[]>;
  get(id: string): Promise<OfflineRecord | undefined>;

  /**
   * Puts what `edit` makes of the record in its place: it may be called more than once, and must not wait.
   * Where it gives the same one nothing is written.
   * @throws GridError STORE_FULL, and nothing is changed
   */
  change(
    id: string,
    edit: (record: OfflineRecord | undefined) => OfflineRecord | undefined,
  ): Promise<OfflineRecord | undefined>;

  /** Forgets a file. Its parts may be deleted later, a few at a time; by the next worker, if need be. */
  remove(id: string): Promise<void>;

  /**
   * Adds parts of a file, and counts their bytes in its record, but only while that says `keeping` or `kept`.
   * @returns the record as it is then
   * @throws GridError STORE_FULL, and nothing is changed
   */
  add(id: string, parts: OfflineParts): Promise<OfflineRecord | undefined>;

  /** Takes parts away that are not what they should be. A file that was `kept` is `keeping` then. */
  drop(id: string, parts: PartNames): Promise<OfflineRecord | undefined>;

  contents(id: string): Promise<PartNames>;
  segment(id: string, segment: number): Promise<Uint8Array | undefined>;
  facts(id: string, facts: readonly FileFact[]): Promise<Map<FileFact, Uint8Array>>;
}

/** May parts be added to this file? */
export function takesParts(record: OfflineRecord | undefined): record is OfflineRecord {
  return record?.state === "keeping" || record?.state === "kept";
}

/** The record after `bytes` were added, or taken away where negative. */
export function withBytes(record: OfflineRecord, bytes: number): OfflineRecord {
  return { ...record, keptBytes: Math.min(Math.max(0, record.keptBytes + bytes), record.size) };
}

/** As it is after parts of it were found to be wrong. */
export function damaged(record: OfflineRecord): OfflineRecord {
  return record.state === "kept" ? { ...record, state: "keeping" } : record;
}
