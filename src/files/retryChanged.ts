import { isGridError } from "../base/GridError.ts";

/** A writer that never rests must not keep a reader for ever. */
const MOST_TRIES = 3;

/**
 * Runs work on the latest version of a file, and once more on the newer one where that was overwritten meanwhile.
 *
 * @param work opens the file anew each time, and has handed on nothing when it throws
 * @throws what `work` throws; FILE_CHANGED after three tries
 */
export async function retryChanged<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries >= MOST_TRIES || !isGridError(error, "FILE_CHANGED")) throw error;
    }
  }
}
