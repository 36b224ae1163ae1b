import type { Step } from "./DirectoryView.ts";
import type { NewEntry } from "./Library.ts";
import type { LibraryStore } from "./LibraryStore.ts";
import { readCapText } from "./readCapText.ts";
import { isWriteCap, readOnlyCap } from "./readOnlyCap.ts";

/** Something that is or was shown without being in the library: what a link brought, what lies in a directory. */
export interface Visit {
  /** Gives reading alone. Secret. A text without a cap is as it came, for the person to be told so. */
  readonly cap: string;
  /** What whoever brought it called it; may be empty. */
  readonly name: string;
  /** Did it come as a write cap? */
  readonly wasWriteCap?: boolean;
  /** Once it was opened. */
  readonly shown?: NewEntry;
  /** The directories by which it was reached. */
  readonly way?: readonly Step[];
}

/** What somebody pasted, linked or shared. @param name what it is to be called; may be empty */
export function visitOf(text: string, name: string): Visit {
  const found = readCapText(text);
  if (found === undefined) return { cap: text, name };
  const { cap } = found;
  return { cap: readOnlyCap(cap), name: name.trim() || found.name, wasWriteCap: isWriteCap(cap) };
}

/**
 * Visits by a random id, which stands for them in the address and so in the history, where a cap must not be. They are written down, encrypted, so
 * that a reload and the way back find them.
 */
export class Visits {
  readonly #store: LibraryStore;
  readonly #ofThisPage = new Map<string, Visit>();

  constructor(store: LibraryStore) {
    this.#store = store;
  }

  /** @returns the id, at once: where the browser writes nothing down it is known as long as this page lives */
  add(visit: Visit): string {
    const id = crypto.randomUUID();
    this.change(id, visit);
    return id;
  }

  change(id: string, visit: Visit): void {
    this.#ofThisPage.set(id, visit);
    if (readCapText(visit.cap) === undefined) return;
    this.#store.putVisit(id, visit).catch(() => undefined);
  }

  /** Undefined where it was forgotten, as the oldest are. */
  async find(id: string): Promise<Visit | undefined> {
    return this.#ofThisPage.get(id) ?? (await this.#store.visit(id).catch(() => undefined));
  }
}
