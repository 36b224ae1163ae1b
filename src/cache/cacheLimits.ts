const KiB = 1024;
const MiB = 1024 * KiB;

/** Every tuning number and bound of the cache. Times in milliseconds, sizes in bytes. */
export interface CacheLimits {
  /** Verified segments in memory, over all files: within the 64 MiB that reading may take, beside windows of 20 MiB. */
  readonly inMemory: number;
  /** On disk: UEBs, share maps, hash pages. 1 GiB of file has 256 KiB of pages in segments of 128 KiB. */
  readonly facts: number;
  /** On disk: ciphertext. */
  readonly segments: number;
  /** Waiting to be written: what is more is not kept. */
  readonly queueBytes: number;
  /** Verified facts are written this soon, so that little is lost with a worker that is killed. */
  readonly writeDelay: number;
  /** A read goes on without what was not found after this. Finding it takes 1 to 5 ms, opening the database 10 to 30. */
  readonly patience: number;
  /** Segments are kept on disk from reads that are no faster than this, in bytes a millisecond: any player, no download. */
  readonly pace: number;
  /** Credit for a faster beginning: players fill a buffer first. */
  readonly burst: number;
}

export const defaultCacheLimits: CacheLimits = {
  inMemory: 16 * MiB,
  facts: 64 * MiB,
  segments: 256 * MiB,
  queueBytes: 8 * MiB,
  writeDelay: 500,
  patience: 200,
  pace: 8 * KiB,
  burst: 24 * MiB,
};
