import { type ByteStore, type Changes, sizeOf } from "../ByteStore.ts";

/** A ByteStore that lasts as long as the program, for tests that restart everything else. */
export class MemoryStore implements ByteStore {
  readonly #most: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Uint8Array>();
  #bytes = 0;

  /** @param most bytes, counted as `sizeOf` does */
  constructor(most: number) {
    this.#most = most;
  }

  async get(keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    for (const key of keys) {
      const bytes = this.#entries.get(key);
      if (bytes !== undefined) found.set(key, bytes.slice());
    }
    return found;
  }

  async keys(prefix: string): Promise<string[]> {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async apply({ uses, deletes, puts }: Changes): Promise<void> {
    for (const key of uses) {
      const bytes = this.#entries.get(key);
      if (bytes !== undefined) this.#put(key, bytes);
    }
    for (const key of deletes) this.#delete(key);
    for (const [key, bytes] of puts) this.#put(key, bytes.slice());
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= this.#most) break;
      this.#delete(key);
    }
  }

  #put(key: string, bytes: Uint8Array): void {
    this.#delete(key);
    this.#entries.set(key, bytes);
    this.#bytes += sizeOf(bytes);
  }

  #delete(key: string): void {
    const bytes = this.#entries.get(key);
    if (bytes === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(bytes);
  }
}
