/**
 * A text from elsewhere (a name, a nickname, a server's words) as one line that shows what is in it. Characters that would act
 * instead of being seen are written out as `<U+202E>`: control characters, which move a terminal's cursor and begin new lines,
 * and those that turn the direction of writing, which let `photo<U+202E>gpj.exe` be read as `photoexe.jpg`. All scripts stay as they are.
 */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return `<U+${code.padStart(4, "0")}>`;
  });
}

/** Unpaired surrogates too: they are no characters, and a terminal cannot be sent them. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/gu;

/** The same for a text of several lines, whose ends stay. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visibleText).join("\n");
}
