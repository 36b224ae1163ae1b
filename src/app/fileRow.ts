import { element } from "./element.ts";
import { icon } from "./icon.ts";

export interface RowFacts {
  readonly name: string;
  readonly kind: "file" | "directory" | "unknown";
  /** What is said under the name. */
  readonly about: Node | string;
  /** Where the name leads, for a link. */
  readonly href?: string;
  /** What a click on the name does. */
  readonly open?: () => void;
}

/** A file in a list. */
export function fileRow({ name, kind, about, href, open }: RowFacts, ...actions: HTMLElement[]): HTMLLIElement {
  const badge = element(
    "span",
    { className: "badge", ariaHidden: "true" },
    kind === "directory" ? icon("folder") : extension(name),
  );
  const under = element("span", { className: "quiet" }, about);
  return element("li", {}, badge, element("div", {}, title(name, href, open), under), ...actions);
}

function title(name: string, href: string | undefined, open: (() => void) | undefined): HTMLElement {
  if (href === undefined) {
    if (open === undefined) return element("span", { className: "name" }, name);
    const button = element("button", { type: "button", className: "link name" }, name);
    button.addEventListener("click", open);
    return button;
  }
  const link = element("a", { href, className: "name" }, name);
  link.addEventListener("click", (event) => {
    if (open === undefined || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  return link;
}

/** Short enough for its box. */
function extension(name: string): string {
  const last = /\.([^.\p{Cc}\p{Bidi_Control}]{1,4})$/u.exec(name)?.[1];
  return last ?? "file";
}
