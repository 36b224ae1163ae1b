import type { StorageClient } from "./StorageClient.ts";

/**
 * One storage server. The object itself is what is passed around; `id` is taken out of it only for a log line, a URL or an
 * error.
 */
export interface Server {
  /** As the grid's list has it, for instance `v0-…`. Public. */
  readonly id: string;
  /** Nickname, else the start of the id: for people. */
  readonly name: string;
  /** By what it is remembered that it was away: another once it has moved. Short, and no secret. Without one it is not remembered. */
  readonly place?: string;
  /** Sorts servers for a storage index (wire format: placement). */
  readonly permutationSeed: Uint8Array;
  /** The shares of immutable files. */
  readonly storage: StorageClient;
  /** Those of mutable files, which servers keep apart. */
  readonly mutableStorage: StorageClient;
  /** Makes ready what its first request would have to wait for, as `HttpTransport` does. */
  warm?(isLikely: boolean): void;
  /** As `HttpTransport` does; undefined where there is nothing to wait for. */
  way?(): Promise<void> | undefined;
  /** As `HttpTransport` does: it is asked last, and not left out. */
  isAway?(): boolean;
  /** Where anybody may fetch its shares by `fetch`, without a secret; undefined where that cannot be done. Absolute. */
  readonly openRoot?: string | undefined;
}
