import { element } from "./element.ts";
import { type IconName, icon } from "./icon.ts";

/** A quiet button with a picture and a word. */
export function actionButton(picture: IconName, word: string, act: () => void): HTMLButtonElement {
  const button = element("button", { type: "button", className: "plain action" }, icon(picture), word);
  button.addEventListener("click", act);
  return button;
}

/** The same for where there is no room for the word, which is read out and shown as a hint. */
export function iconButton(picture: IconName, word: string, act: () => void): HTMLButtonElement {
  const properties = { type: "button", className: "plain square", title: word, ariaLabel: word } as const;
  const button = element("button", properties, icon(picture));
  button.addEventListener("click", act);
  return button;
}
