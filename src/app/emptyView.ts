import { element } from "./element.ts";

/** What is on the stage where nothing is: what a cap is, and a field for one. @param open gets the text of the field */
export function emptyView(open: (text: string) => void): HTMLElement {
  const field = element("input", {
    required: true,
    placeholder: "URI:…",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: false,
    ariaLabel: "A cap, or a link that has one",
  });
  const form = element("form", {}, field, element("button", { type: "submit" }, "Open"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    open(field.value);
  });
  return element(
    "div",
    { className: "nothing" },
    element("h2", {}, "Open something from the grid"),
    element(
      "p",
      {},
      "A cap is a line of text that begins with URI: and names one file or folder. Whoever put it on the grid was given it, and can send it to you. It finds the file, proves that it is the right one, and decrypts it, here in this browser.",
    ),
    form,
    element("p", { className: "quiet" }, "Whoever has a cap can read what it names: pass it on with care."),
  );
}
