import type { Entry } from "../base/Entry.ts";
import { element } from "./element.ts";

/** How a directory's entries are ordered. Directories come first in each. */
type Order = "name" | "newest" | "largest";

const ORDERS: readonly (readonly [Order, string])[] = [
  ["name", "By name"],
  ["newest", "Newest first"],
  ["largest", "Largest first"],
];

/** A person finds these without searching. */
const FEW = 8;
/** So many rows are drawn at once: ten thousand would take seconds. */
const ROWS_AT_ONCE = 200;

const names = new Intl.Collator(undefined, { numeric: true });

/** A directory's entries, with a field to find some of them and a choice of order where they are many. Rows are made as they come into view. */
export class DirectoryList {
  readonly box = element("div", { className: "entries" });
  /** In the order that was chosen. */
  #entries: readonly Entry[];
  readonly #rowOf: (entry: Entry) => HTMLElement;
  readonly #list = element("ul", { className: "files" });
  readonly #count = element("p", { className: "quiet", role: "status" });
  readonly #end = element("div");
  #wanted = "";
  #left: readonly Entry[] = [];

  /** @param signal the view is left */
  constructor(entries: readonly Entry[], rowOf: (entry: Entry) => HTMLElement, signal: AbortSignal) {
    this.#entries = sorted(entries, "name");
    this.#rowOf = rowOf;
    if (entries.length > FEW) this.box.append(this.#tools());
    this.box.append(this.#list, this.#end);
    const coming = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#drawMore(), {
      rootMargin: "600px",
    });
    coming.observe(this.#end);
    signal.addEventListener("abort", () => coming.disconnect());
    this.#draw();
  }

  #tools(): HTMLElement {
    const field = element("input", { type: "search", placeholder: "Find by name", ariaLabel: "Find by name" });
    field.addEventListener("input", () => {
      this.#wanted = field.value;
      this.#draw();
    });
    const options = ORDERS.map(([value, text]) => element("option", { value }, text));
    const order = element("select", { ariaLabel: "Order" }, ...options);
    order.addEventListener("change", () => {
      this.#entries = sorted(this.#entries, order.value as Order);
      this.#draw();
    });
    return element("div", { className: "finding" }, field, order, this.#count);
  }

  #draw(): void {
    const found = matching(this.#entries, this.#wanted);
    this.#left = found;
    this.#list.replaceChildren();
    this.#count.textContent =
      this.#wanted === "" ? `${found.length} entries` : `${found.length} of ${this.#entries.length} entries`;
    if (found.length > 0) this.#drawMore();
    else this.#list.append(element("li", { className: "quiet" }, this.#none()));
  }

  #drawMore(): void {
    this.#list.append(...this.#left.slice(0, ROWS_AT_ONCE).map(this.#rowOf));
    this.#left = this.#left.slice(ROWS_AT_ONCE);
  }

  #none(): string {
    return this.#entries.length === 0 ? "This directory is empty." : "No name here has that in it.";
  }
}

/** Those with each of these words in their names, in whichever case. */
function matching(entries: readonly Entry[], wanted: string): readonly Entry[] {
  const words = wanted.toLocaleLowerCase().split(/\s+/);
  return entries.filter(({ name }) => words.every((word) => name.toLocaleLowerCase().includes(word)));
}

function sorted(entries: readonly Entry[], order: Order): Entry[] {
  return entries.toSorted(
    (one, other) => rankOf(one) - rankOf(other) || by(order, one, other) || names.compare(one.name, other.name),
  );
}

function rankOf({ kind }: Entry): number {
  return kind === "directory" ? 0 : 1;
}

function by(order: Order, one: Entry, other: Entry): number {
  if (order === "newest") return (other.modified ?? 0) - (one.modified ?? 0);
  if (order === "largest") return (other.size ?? 0) - (one.size ?? 0);
  return 0;
}
