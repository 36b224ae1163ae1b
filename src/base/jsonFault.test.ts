import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonFault } from "./jsonFault.ts";

it.each<[text: string, line: number, column: number, isEnd?: true]>([
  ['{\n "a": 1,\n}', 3, 1],
  ['{\n "a": 1\n "b": 2\n}', 3, 2],
  ['{"a":[1,2,,]}', 1, 11],
  ['{"a":[1,2,]}', 1, 11],
  ['{"a" 1}', 1, 6],
  ["{a: 1}", 1, 2],
  ["{'a': 1}", 1, 2],
  ['{"a": "x\ny"}', 1, 7],
  ['{"a": 01}', 1, 7],
  ['{"a": 1} // why', 1, 10],
  ['{"a": 1}}', 1, 9],
  ['{"a": [1}}', 1, 9],
  ['{\r\n\t"a": True\r\n}', 2, 7],
  ["<!doctype html>", 1, 1],
  ["nonsense", 1, 1],
  ["", 1, 1, true],
  [' {"a": [1, 2\n', 2, 1, true],
])("of %j is at %i:%i", (text, line, column, isEnd) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(jsonFault(text)).toEqual({ line, column, isEnd: isEnd ?? false });
});

it("is never within what is right: JSON whose end is cut off ends too early, and what follows JSON is wrong", () => {
  fc.assert(
    fc.property(fc.object(), fc.nat(3), fc.nat(), (value, indent, cut) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(jsonFault(`${text}\n?`)).toMatchObject({ column: 1, isEnd: false });
      const isString = (part: string) => (part.replaceAll(/\\./g, "").split('"').length - 1) % 2 === 1;
      const part = text.slice(0, cut % text.length);
      // What is cut within a string or a word begins with what is wrong.
      if (!isString(part) && !/[\w.+-]$/.test(part)) expect(jsonFault(part)).toMatchObject({ isEnd: true });
    }),
  );
});
