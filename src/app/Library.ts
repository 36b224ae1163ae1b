import { type Entry, LibraryStore } from "./LibraryStore.ts";

/** What is added: the rest comes of itself. */
export type NewEntry = Omit<Entry, "id" | "addedAt">;

/** The person's files in this browser, the same in all tabs. */
export class Library {
  readonly #store = new LibraryStore();
  readonly #otherTabs = new BroadcastChannel("gridfetch-library");
  readonly #listeners = new Set<() => void>();
  #entries: readonly Entry[] = [];

  /** Its failure is for whoever adds something: a library that cannot be read is an empty one. */
  static async open(): Promise<Library> {
    const library = new Library();
    library.#otherTabs.addEventListener("message", () => void library.#load());
    await library.#load();
    return library;
  }

  /** The newest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  find(id: string): Entry | undefined {
    return this.#entries.find((entry) => entry.id === id);
  }

  findCap(cap: string): Entry | undefined {
    return this.#entries.find((entry) => entry.cap === cap);
  }

  /**
   * Adds a file, unless it is there. Kept when it resolves.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async add(added: NewEntry): Promise<Entry> {
    const present = this.findCap(added.cap);
    if (present !== undefined) return present;
    const entry = { ...added, id: crypto.randomUUID(), addedAt: Date.now() };
    await this.#store.put(entry);
    await this.#changed();
    return entry;
  }

  /** @throws GridError STORE_UNAVAILABLE, STORE_FULL */
  async rename(entry: Entry, name: string): Promise<void> {
    await this.#store.put({ ...entry, name });
    await this.#changed();
  }

  /** @throws GridError STORE_UNAVAILABLE */
  async remove({ id }: Entry): Promise<void> {
    await this.#store.delete(id);
    await this.#changed();
  }

  /** Calls `listener` after every change, of other tabs too. */
  onChange(listener: () => void, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  async #changed(): Promise<void> {
    this.#otherTabs.postMessage("changed");
    await this.#load();
  }

  async #load(): Promise<void> {
    this.#entries = await this.#store.all().catch(() => this.#entries);
    for (const listener of this.#listeners) listener();
  }
}
