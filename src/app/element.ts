import { visibleText } from "../base/visibleText.ts";

/**
 * An element with properties and children, for building a page by hand. Text is text: nothing is parsed as HTML, and what in a
 * stranger's name would turn the direction of writing is seen instead. What is to have lines is given as a text node.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.map((child) => (typeof child === "string" ? visibleText(child) : child)));
  for (const name of ["title", "aria-label", "alt"]) {
    const text = made.getAttribute(name);
    if (text !== null) made.setAttribute(name, visibleText(text));
  }
  return made;
}

/** Changes what an element says. */
export function say(element: HTMLElement, text: string): void {
  element.textContent = visibleText(text);
}

/** The element of the page's HTML that has this id. */
export function byId<Type extends HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element #${id}.`);
  return found as Type;
}
