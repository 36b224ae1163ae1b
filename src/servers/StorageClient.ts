/**
 * The reader's part of the storage protocol, for one server. Every call rejects with GridError SERVER_UNREACHABLE or
 * SERVER_REFUSED, or with the signal's reason; nothing in a reply is believed beyond its shape.
 */
export interface StorageClient {
  /** Does a cache stand before the server that keeps what anybody asked for, as its last answer said? */
  readonly isCached?: boolean;

  /** The share numbers that the server says it holds, ascending, without duplicates, each in 0..255; others are dropped. */
  listShares(storageIndex: string, signal: AbortSignal): Promise<number[]>;

  /**
   * Unverified bytes of a share from `offset` on: `length` of them, or fewer where the share ends before (none at all where
   * it ends at or before `offset`). Arrives in pieces of any size. A body that is longer than asked for, or breaks off, makes the iteration reject.
   * @param onHit called before the first piece where a cache had them: they tell nothing of how fast the server is
   */
  readShare(
    storageIndex: string,
    shareNumber: number,
    offset: number,
    length: number,
    signal: AbortSignal,
    onHit?: () => void,
  ): AsyncIterable<Uint8Array>;

  /** Tells the operator that a share is corrupt. `reason` is 1 to 32765 characters. */
  reportCorruption(storageIndex: string, shareNumber: number, reason: string, signal: AbortSignal): Promise<void>;
}
