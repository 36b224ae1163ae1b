import type { LogScope } from "../base/EventLog.ts";

/** What to read and for how long it matters. */
export interface ReadOptions {
  /** First byte, 0 unless given. At or past the end of the file: an empty stream. */
  readonly offset?: number;
  /** Number of bytes; what lies past the end of the file is left out. To the end unless given. */
  readonly length?: number;
  /** Aborting stops the read and errors the stream with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whom it is read for, as the log calls it. */
  readonly asker?: LogScope;
}

/** A file on the grid, or in a cap. */
export interface FileNode {
  /** Plaintext length in bytes. */
  readonly size: number;
  /** Of a file that changes, which version this is: letters, digits and a dash. */
  readonly version?: string;
  /**
   * The only way to read: verified plaintext, in order, exactly the range that was asked for and that exists.
   * The work is done as the stream is pulled and stops with its cancel. The stream errors (GridError) where verified
   * bytes cannot be had; it never ends early.
   * @throws GridError BAD_RANGE at once for a negative, fractional or unsafe number
   */
  read(options?: ReadOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
}
