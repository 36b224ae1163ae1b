import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { safeNames } from "./safeNames.ts";

const one = (name: string) => safeNames([name])[0];

test("ordinary names, in any script, stay as they are", () => {
  const names = [
    "e01.mp4",
    "season 1",
    "фильм.mkv",
    "写真 (2).jpg",
    "👩‍👧.png",
    ".hidden",
    "a.tar.gz",
    "console.log",
    "com.txt",
  ];
  expect(safeNames(names)).toEqual(names);
});

test.each([
  ["..", "__"],
  [".", "_"],
  ["", "_"],
  ["../../etc/passwd", ".._.._etc_passwd"],
  ["/etc/passwd", "_etc_passwd"],
  ["C:\\Windows\\a.dll", "C__Windows_a.dll"],
  ['what?*<>|".txt', "what______.txt"],
  ["line\nbreak\u0000", "line_break_"],
  ["photo\u202egpj.exe", "photo_gpj.exe"],
  ["ends with a dot.", "ends with a dot_"],
  ["ends with blanks  ", "ends with blanks__"],
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["com1 .tar.gz", "_com1 .tar.gz"],
  ["LPT\u00b2", "_LPT\u00b2"],
  ["half \ud83d", "half \ufffd"],
])("%j becomes %j", (name, safe) => {
  expect(one(name)).toBe(safe);
});

test("names that one system or another takes for the same get a number, the first as it is", () => {
  expect(safeNames(["a.txt", "A.TXT", "a.txt ", "Straße", "STRASSE", "e\u0301", "\u00e9", "b", "b (2)", "B"])).toEqual([
    "a.txt",
    "A (2).TXT",
    "a.txt_",
    "Straße",
    "STRASSE (2)",
    "\u00e9",
    "\u00e9 (2)",
    "b",
    "b (2)",
    "B (3)",
  ]);
});

test("long names are cut before their ending, between characters", () => {
  expect(one(`${"a".repeat(300)}.jpeg`)).toBe(`${"a".repeat(235)}_.jpeg`);
  expect(one(`${"é".repeat(300)}`)).toBe(`${"é".repeat(120)}_`);
  const long = `${"a".repeat(251)}.png`;
  expect(safeNames([long, long])).toEqual([long, `${"a".repeat(236)}_ (2).png`]);
});

test("Z-10: a stranger's name of very many dots is one like any other", () => {
  expect(one(`${".".repeat(1_000_000)}x`)).toBe("_.x");
});

test("Z-10: so are tens of thousands of long names, each there twice, that differ only at their ends", () => {
  const names = Array.from({ length: 60_000 }, (_, at) => `${"a".repeat(245)}${at >> 1}`);
  const safe = safeNames(names);
  expect(new Set(safe).size).toBe(names.length);
  expect([safe[0], safe[1], safe.at(-1)]).toEqual([names[0], `${"a".repeat(240)}_ (2)`, `${"a".repeat(240)}_ (30001)`]);
});

test("Z-07: whatever the names are, each is safe, and no two are one when their case is folded", () => {
  const names = fc.array(
    fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."aA. /\\(2)ß") })),
  );
  fc.assert(
    fc.property(names, (given) => {
      const safe = safeNames(given);
      expect(safe.length).toBe(given.length);
      expect(new Set(safe.map((name) => name.toLowerCase())).size).toBe(safe.length);
      for (const name of safe) {
        expect(name).not.toMatch(/^$|[<>:"/\\|?*\p{Cc}]|[. ]$/u);
        expect(utf8(name).length).toBeLessThanOrEqual(255);
      }
    }),
  );
});
