import type { Keep } from "../base/Keep.ts";

/** A file that is kept offline, as it is written down. It says how to find and verify its ciphertext, and has no key. */
export interface KeepRecord extends Keep {
  /** The verify cap's text. */
  readonly cap: string;
  /** The grid's name in the configuration; empty for the first. */
  readonly grid: string;
}

/** What verifies a file's segments: its UEB, or the page of its ciphertext hash tree that begins with this node. */
export type KeptFact = "ueb" | number;

/** Verified parts of a file. */
export interface KeptParts {
  readonly facts: ReadonlyMap<KeptFact, Uint8Array>;
  /** Ciphertext by segment number. */
  readonly segments: ReadonlyMap<number, Uint8Array>;
}

/** Which parts of a file are there. */
export interface KeptContents {
  readonly facts: readonly KeptFact[];
  readonly segments: readonly number[];
}

/**
 * Where files are kept offline. Nothing leaves it by itself. Every call is one step, of which all happens or nothing, and
 * what it changed is written when it resolves. Several workers may use one at the same time. All calls throw GridError STORE_UNAVAILABLE.
 */
export interface KeepStore {
  list(): Promise<KeepRecord[]>;
  get(id: string): Promise<KeepRecord | undefined>;

  /**
   * Puts what `edit` makes of the record in its place: it may be called more than once, and must not wait.
   * Where it gives the same one nothing is written.
   * @throws GridError STORE_FULL, and nothing is changed
   */
  change(id: string, edit: (record: KeepRecord | undefined) => KeepRecord | undefined): Promise<KeepRecord | undefined>;

  /** Forgets a file. Its parts may be deleted later, a few at a time; by the next worker, if need be. */
  remove(id: string): Promise<void>;

  /**
   * Adds parts of a file, and counts their bytes in its record, but only while that says `keeping` or `kept`.
   * @returns the record as it is then
   * @throws GridError STORE_FULL, and nothing is changed
   */
  add(id: string, parts: KeptParts): Promise<KeepRecord | undefined>;

  /** Takes parts away that are not what they should be. A file that was `kept` is `keeping` then. */
  drop(id: string, parts: KeptContents): Promise<KeepRecord | undefined>;

  contents(id: string): Promise<KeptContents>;
  segment(id: string, segment: number): Promise<Uint8Array | undefined>;
  facts(id: string, facts: readonly KeptFact[]): Promise<Map<KeptFact, Uint8Array>>;
}

/** May parts be added to this file? */
export function takesParts(record: KeepRecord | undefined): record is KeepRecord {
  return record?.state === "keeping" || record?.state === "kept";
}

/** The record after `bytes` were added, or taken away where negative. */
export function withBytes(record: KeepRecord, bytes: number): KeepRecord {
  return { ...record, keptBytes: Math.min(Math.max(0, record.keptBytes + bytes), record.size) };
}

/** As it is after parts of it were found to be wrong. */
export function damaged(record: KeepRecord): KeepRecord {
  return record.state === "kept" ? { ...record, state: "keeping" } : record;
}
