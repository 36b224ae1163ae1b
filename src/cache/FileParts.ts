/** What verifies a file's segments: its UEB, or the page of its ciphertext hash tree that begins with this node. */
export type FileFact = "ueb" | number;

/** Which parts of a file. */
export interface PartNames {
  readonly facts: readonly FileFact[];
  /** By their numbers. */
  readonly segments: readonly number[];
}

/**
 * Verified parts of one file that are kept for good, by somebody else. The cache asks there first, and offers what it gets. No call
 * fails, or waits for long.
 */
export interface FileParts {
  hasFact(fact: FileFact): boolean;
  hasSegment(segment: number): boolean;
  /** What the file is opened with, if it is there. */
  ueb(): Promise<Uint8Array | undefined>;
  /** Facts; without those that are gone. */
  facts(facts: readonly FileFact[]): Promise<Map<FileFact, Uint8Array>>;
  /** A segment's ciphertext, or undefined where it is gone. */
  segment(segment: number): Promise<Uint8Array | undefined>;
  /**
   * @param bytes must not change any more
   * @param isRecalled they came from memory: one that is there is as good
   */
  putFact(fact: FileFact, bytes: Uint8Array, isRecalled: boolean): void;
  /** Is this segment to be kept, and not there? */
  wants(segment: number): boolean;
  /** Copies a segment's ciphertext, unless too much waits to be written. */
  putSegment(segment: number, ciphertext: Uint8Array): void;
  /** Parts turned out to be wrong. */
  forget(parts: Partial<PartNames>): void;
}
