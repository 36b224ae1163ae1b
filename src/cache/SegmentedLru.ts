interface Entry<V> {
  readonly value: V;
  readonly size: number;
}

/** This much of the room is for what was used again. */
const PROTECTED = 0.5;

/**
 * Values by key within a bound, in two halves, as in a segmented LRU: what is new comes into the first, what is used
 * again moves to the second, and what the second has no room for falls back to the first, whose oldest leaves. So one
 * long sequential read, which uses nothing twice, passes through the first half alone: there it leaves what lies right
 * behind its playhead, and it pushes out nothing that has proven useful.
 */
export class SegmentedLru<V> {
  readonly #most: number;
  readonly #dropped: (value: V) => void;
  // In both the least recently used comes first.
  readonly #fresh = new Map<string, Entry<V>>();
  readonly #proven = new Map<string, Entry<V>>();
  #size = 0;
  #provenSize = 0;

  /**
   * @param most the sizes of all values together
   * @param dropped hears of every value that had to go
   */
  constructor(most: number, dropped: (value: V) => void = () => {}) {
    this.#most = most;
    this.#dropped = dropped;
  }

  /** The value, which counts as used. */
  get(key: string): V | undefined {
    const entry = this.#remove(key);
    if (entry === undefined) return undefined;
    this.#proven.set(key, entry);
    this.#size += entry.size;
    this.#provenSize += entry.size;
    for (const [oldest, { size }] of this.#proven) {
      if (this.#provenSize <= PROTECTED * this.#most) break;
      this.#fresh.set(oldest, this.#proven.get(oldest) as Entry<V>);
      this.#proven.delete(oldest);
      this.#provenSize -= size;
    }
    return entry.value;
  }

  /** Takes a value, in the place of what was under the key. One that is larger than the bound is not kept. */
  set(key: string, value: V, size: number): void {
    this.#drop(key);
    if (size > this.#most) return;
    this.#fresh.set(key, { value, size });
    this.#size += size;
    for (const half of [this.#fresh, this.#proven]) {
      for (const oldest of half.keys()) {
        if (this.#size <= this.#most) return;
        this.#drop(oldest);
      }
    }
  }

  #drop(key: string): void {
    const entry = this.#remove(key);
    if (entry !== undefined) this.#dropped(entry.value);
  }

  #remove(key: string): Entry<V> | undefined {
    const entry = this.#fresh.get(key) ?? this.#proven.get(key);
    if (entry === undefined) return undefined;
    this.#size -= entry.size;
    if (!this.#fresh.delete(key)) {
      this.#proven.delete(key);
      this.#provenSize -= entry.size;
    }
    return entry;
  }
}
