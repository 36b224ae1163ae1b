import { element } from "./element.ts";

/** Asks for a text. Undefined if the person would rather not: Escape, or Cancel. */
export function askText(title: string, label: string, present: string): Promise<string | undefined> {
  const input = element("input", { value: present, required: true, autocomplete: "off" });
  const body = element("label", {}, element("span", {}, label), input);
  const asked = open(title, body, "Save").then((isYes) => (isYes ? input.value.trim() || undefined : undefined));
  input.select();
  return asked;
}

/** Asks whether to do something, and says what it means. */
export function confirmAction(title: string, meaning: string, action: string): Promise<boolean> {
  return open(title, element("p", {}, meaning), action);
}

/** The browser keeps the focus inside, closes it by Escape, and puts the focus back to where it was. */
function open(title: string, body: HTMLElement, action: string): Promise<boolean> {
  const cancel = element("button", { type: "button", className: "plain" }, "Cancel");
  const form = element(
    "form",
    { className: "stacked" },
    element("h2", {}, title),
    body,
    element("div", { className: "actions" }, element("button", { type: "submit" }, action), cancel),
  );
  const dialog = element("dialog", { ariaLabel: title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close("yes");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
