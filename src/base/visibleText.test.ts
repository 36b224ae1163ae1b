import { expect, it } from "vitest";
import { visibleLines, visibleText } from "./visibleText.ts";

it.each([
  ["photo\u202egpj.exe", "photo<U+202E>gpj.exe"],
  ["\u2067a\u2069\u200f\u061c", "<U+2067>a<U+2069><U+200F><U+061C>"],
  ["\x1b[2Jgone\x07", "<U+001B>[2Jgone<U+0007>"],
  ["\x9b2J", "<U+009B>2J"],
  ["two\r\nlines\u2028three", "two<U+000D><U+000A>lines<U+2028>three"],
  ["half \ud83d a pair", "half <U+D83D> a pair"],
])("%j is shown as %j", (text, shown) => expect(visibleText(text)).toBe(shown));

it.each(["grün.txt", "תמונה.jpg", "صورة.png", "می‌خواهم", "👩‍👩‍👧 film", "写真"])("%s stays as it is", (text) =>
  expect(visibleText(text)).toBe(text),
);

it("keeps the ends of lines where there may be several", () => {
  expect(visibleLines("one\u202e\ntwo\r\n")).toBe("one<U+202E>\ntwo<U+000D>\n");
});
