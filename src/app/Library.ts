import { type GridError, isGridError } from "../base/GridError.ts";
import type { Entry, LibraryStore } from "./LibraryStore.ts";
import { readOnlyCap } from "./readOnlyCap.ts";

/** What is added: the rest comes of itself. */
export type NewEntry = Omit<Entry, "id" | "addedAt">;

/** The person's files in this browser, the same in all tabs. */
export class Library {
  readonly #store: LibraryStore;
  readonly #otherTabs = new BroadcastChannel("gridfetch-library");
  readonly #listeners = new Set<() => void>();
  readonly #notKept: (why: GridError) => void;
  #stored: readonly Entry[] = [];
  /** What could not be written down, by id: it lasts as long as this page. */
  readonly #passing = new Map<string, Entry>();

  #hadWriteCaps = false;

  private constructor(store: LibraryStore, notKept: (why: GridError) => void) {
    this.#store = store;
    this.#notKept = notKept;
  }

  /**
   * A library that cannot be read is an empty one.
   * @param notKept hears when what was added or renamed cannot be written down, and so is in this page alone
   */
  static async open(store: LibraryStore, notKept: (why: GridError) => void): Promise<Library> {
    const library = new Library(store, notKept);
    library.#otherTabs.addEventListener("message", () => void library.#load());
    await library.#load();
    return library;
  }

  /** The newest first. */
  get entries(): readonly Entry[] {
    const stored = this.#stored.filter(({ id }) => !this.#passing.has(id));
    return [...this.#passing.values(), ...stored].sort((one, other) => other.addedAt - one.addedAt);
  }

  /** Did it hold write caps, of an earlier version of this app, and has read caps in their place now? */
  get hadWriteCaps(): boolean {
    return this.#hadWriteCaps;
  }

  find(id: string): Entry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  findCap(cap: string): Entry | undefined {
    return this.entries.find((entry) => entry.cap === cap);
  }

  /** Adds a file, unless it is there. Kept when it resolves, unless `notKept` was told. */
  async add(added: NewEntry): Promise<Entry> {
    const cap = readOnlyCap(added.cap);
    const present = this.findCap(cap);
    if (present !== undefined) return present;
    const entry = { ...added, cap, id: crypto.randomUUID(), addedAt: Date.now() };
    await this.#put(entry);
    return entry;
  }

  /** Likewise. */
  async rename(entry: Entry, name: string): Promise<void> {
    await this.#put({ ...entry, name });
  }

  /** @throws GridError STORE_UNAVAILABLE where it is on disk, and cannot be taken away there */
  async remove({ id }: Entry): Promise<void> {
    this.#passing.delete(id);
    if (this.#stored.some((entry) => entry.id === id)) await this.#store.delete(id);
    await this.#changed();
  }

  /** Calls `listener` after every change, of other tabs too. */
  onChange(listener: () => void, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  async #put(entry: Entry): Promise<void> {
    try {
      await this.#store.put(entry);
      this.#passing.delete(entry.id);
    } catch (error) {
      if (!isGridError(error)) throw error;
      this.#passing.set(entry.id, entry);
      this.#notKept(error);
    }
    await this.#changed();
  }

  async #changed(): Promise<void> {
    this.#otherTabs.postMessage("changed");
    await this.#load();
  }

  async #load(): Promise<void> {
    const stored = await this.#store.all().catch(() => undefined);
    if (stored !== undefined) this.#stored = await this.#withoutWriteCaps(stored);
    for (const listener of this.#listeners) listener();
  }

  async #withoutWriteCaps(stored: readonly Entry[]): Promise<Entry[]> {
    const entries = stored.map((entry) => ({ ...entry, cap: readOnlyCap(entry.cap) }));
    const changed = entries.filter(({ cap }, at) => cap !== stored[at]?.cap);
    this.#hadWriteCaps ||= changed.length > 0;
    await Promise.all(changed.map((entry) => this.#store.put(entry))).catch(() => undefined);
    return entries;
  }
}
