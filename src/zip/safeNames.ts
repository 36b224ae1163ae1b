import { utf8 } from "../base/bytes.ts";

/** As many bytes as a name may have on Linux; on Windows and macOS it is as many units. */
const MOST_BYTES = 255;
/** What a name is shortened to: room is left for a number. */
const SHORTENED_BYTES = 240;
const LONGEST_ENDING = 20;

/**
 * Names for the children of one folder that every system can unpack, side by side, in the order given. The rule:
 * - Characters that Windows refuses (`< > : " / \ | ? *`), control characters, and those that turn the direction of writing become `_`; so do a dot
 *   and a space at the end, which Windows drops: no name is `.` or `..`, a path, or a drive. An empty name is `_`.
 * - A name that is a device on Windows (`CON`, `com1.txt`) gets a `_` before it.
 * - A name of more than 255 bytes in UTF-8 is cut before its ending.
 * - Of names that differ in case alone, or in how their characters are composed, the first stays, and the others get ` (2)`, ` (3)` before the
 *   ending.
 */
export function safeNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  // How far a name's copies are counted: a folder may have thousands of one name, and of names that are one when they are shortened for a number.
  const counts = new Map<string, number>();
  return names.map((name) => {
    const safe = safeName(name);
    const key = folded(shortened(safe, SHORTENED_BYTES));
    let free = safe;
    let count = counts.get(key) ?? 1;
    while (taken.has(folded(free))) free = numbered(safe, ++count);
    counts.set(key, count);
    taken.add(folded(free));
    return free;
  });
}

function safeName(name: string): string {
  const characters = withSafeEnd(
    name
      .normalize("NFC")
      .replace(/\p{Surrogate}/gu, "\ufffd")
      .replace(REFUSED, "_"),
  );
  const named = characters === "" ? "_" : characters;
  return shortened(DEVICE.test(named) ? `_${named}` : named, MOST_BYTES);
}

function withSafeEnd(name: string): string {
  let end = name.length;
  // Not by a pattern: that takes time in the square of the dots, of which a stranger's name may have millions.
  while (end > 0 && (name[end - 1] === "." || name[end - 1] === " ")) end--;
  return name.slice(0, end).padEnd(name.length, "_");
}

/** https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file */
const REFUSED = /[<>:"/\\|?*\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

function shortened(name: string, most: number): string {
  if (utf8(name).length <= most) return name;
  const [stem, ending] = atEnding(name);
  const whole = utf8(stem).subarray(0, SHORTENED_BYTES - utf8(ending).length);
  // What of a character was cut off comes as one that says so.
  const text = new TextDecoder().decode(whole).replace(/\ufffd+$/, "");
  return `${text.replace(/[. ]+$/, "")}_${ending}`;
}

function numbered(name: string, count: number): string {
  const [stem, ending] = atEnding(shortened(name, SHORTENED_BYTES));
  return `${stem} (${count})${ending}`;
}

/** What stands before the last dot, and the rest; all is the first where there is none, it begins the name, or the rest is long. */
function atEnding(name: string): [stem: string, ending: string] {
  const dot = name.lastIndexOf(".");
  return dot <= 0 || utf8(name.slice(dot)).length > LONGEST_ENDING ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
}

/** Upper case first: `ß` and `SS` are one to some systems. A name more that is numbered does no harm. */
function folded(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFC");
}
