/** What is done to a store in one step: all of it happens, or nothing. */
export interface Changes {
  /** Keys that were read: they are as recent now as what is put. In order, the least recent first. */
  readonly uses: readonly string[];
  readonly deletes: readonly string[];
  /** Bytes by key, in order, the least recent first. They take the place of what was there. */
  readonly puts: ReadonlyMap<string, Uint8Array>;
}

/**
 * Bytes by key, bounded: what was used least recently leaves first. A cache: whatever is in it may be gone, and may be
 * anything, when it is read.
 */
export interface ByteStore {
  /**
   * What is there under these keys. Reading does not count as using: see `Changes`.
   * @throws GridError STORE_UNAVAILABLE; the signal's reason
   */
  get(keys: readonly string[], signal?: AbortSignal): Promise<Map<string, Uint8Array>>;

  /**
   * The keys that begin with `prefix`, ascending.
   * @throws GridError STORE_UNAVAILABLE; the signal's reason
   */
  keys(prefix: string, signal?: AbortSignal): Promise<string[]>;

  /**
   * Makes changes: uses first, then deletes, then puts; then whatever is over the bound leaves.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL: nothing was changed then, but that a full store may have shrunk
   */
  apply(changes: Changes): Promise<void>;
}

/** What an entry counts for beyond its bytes: its key, and what the platform keeps of it. */
const ENTRY_BYTES = 256;

/** What an entry counts for against a store's bound. */
export function sizeOf(bytes: Uint8Array): number {
  return bytes.length + ENTRY_BYTES;
}
