import { element } from "./element.ts";

/** The one place on the page where failures are told. */
export class Notice {
  readonly #box: HTMLElement;

  constructor(box: HTMLElement) {
    this.#box = box;
  }

  /** @param detail may have several lines */
  show(title: string, detail: string): void {
    this.#box.replaceChildren(element("strong", {}, title), element("p", {}, detail.trim()));
    this.#box.hidden = false;
    this.#box.scrollIntoView({ block: "nearest" });
  }

  clear(): void {
    this.#box.hidden = true;
    this.#box.replaceChildren();
  }
}
