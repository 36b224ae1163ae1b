import { visibleLines } from "../base/visibleText.ts";
import { iconButton } from "./actionButton.ts";
import { element } from "./element.ts";

/** The one place on the page where failures are told, and what a person should know. */
export class Notice {
  readonly #box: HTMLElement;
  #told: HTMLElement | undefined;

  constructor(box: HTMLElement) {
    this.#box = box;
  }

  /** Tells of a failure. @param detail may have several lines */
  show(title: string, detail: string): void {
    const lines = document.createTextNode(visibleLines(detail.trim()));
    this.#box.replaceChildren(element("strong", {}, title), element("p", {}, lines));
    this.#box.hidden = false;
    this.#box.scrollIntoView({ block: "nearest" });
  }

  /** Tells of what is no failure, and stays until the person closes it, or until the result is called. */
  tell(title: string, detail: string): () => void {
    this.#told?.remove();
    const close = iconButton("close", "Close", () => told.remove());
    const told = element(
      "div",
      { className: "notice calm", role: "status" },
      element("div", {}, element("strong", {}, title), element("p", {}, detail)),
      close,
    );
    this.#told = told;
    this.#box.before(told);
    told.scrollIntoView({ block: "nearest" });
    return () => told.remove();
  }

  clear(): void {
    this.#box.hidden = true;
    this.#box.replaceChildren();
  }
}
