import { visibleText } from "../base/visibleText.ts";
import { element } from "./element.ts";
import { fileRow } from "./fileRow.ts";
import { formatSize } from "./formatSize.ts";
import type { Keeps } from "./Keeps.ts";
import { keepStatus } from "./keepStatus.ts";
import type { Library } from "./Library.ts";
import type { Entry } from "./LibraryStore.ts";
import { addressOfEntry } from "./Views.ts";

/** The person's files. */
export class LibraryList {
  readonly #list: HTMLElement;
  readonly #library: Library;
  readonly #keeps: Keeps;
  #current: string | undefined;
  /** By entry: what a row says, which changes while a file is being kept. */
  readonly #abouts = new Map<Entry, HTMLElement>();

  constructor(list: HTMLElement, library: Library, keeps: Keeps) {
    this.#list = list;
    this.#library = library;
    this.#keeps = keeps;
    library.onChange(() => this.#show());
    keeps.onChange(() => this.#showKeeps());
    this.#show();
  }

  /** Marks the entry that is shown; undefined where it is none of the library's. */
  markCurrent(id: string | undefined): void {
    this.#current = id;
    for (const row of this.#list.children) row.ariaCurrent = (row as HTMLElement).dataset.id === id ? "true" : null;
  }

  #show(): void {
    const focused = (document.activeElement?.closest("li[data-id]") as HTMLElement | null)?.dataset.id;
    this.#abouts.clear();
    const { entries } = this.#library;
    const none = element(
      "li",
      { className: "quiet empty" },
      "Nothing yet. Open a cap, or drop one anywhere on this page.",
    );
    this.#list.replaceChildren(...(entries.length === 0 ? [none] : entries.map((entry) => this.#row(entry))));
    this.markCurrent(this.#current);
    if (focused !== undefined) this.#list.querySelector<HTMLElement>(`[data-id="${focused}"] a`)?.focus();
    void this.#keeps.look(entries.filter(({ kind }) => kind === "file").map(({ cap }) => cap));
  }

  #row(entry: Entry): HTMLElement {
    const { id, kind, name } = entry;
    const about = element("span", {}, this.#aboutOf(entry));
    this.#abouts.set(entry, about);
    const row = fileRow({ name, kind, about, href: addressOfEntry(id) });
    row.dataset.id = id;
    return row;
  }

  #showKeeps(): void {
    for (const [entry, about] of this.#abouts) {
      const text = visibleText(this.#aboutOf(entry));
      if (about.textContent !== text) about.textContent = text;
    }
  }

  #aboutOf({ kind, size, cap }: Entry): string {
    if (kind === "directory") return "Directory";
    return [formatSize(size), keepStatus(this.#keeps.of(cap))].filter(Boolean).join(" · ");
  }
}
