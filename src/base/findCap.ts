import { GridError } from "./GridError.ts";

/** A cap, with its colons as they are or percent-encoded, up to what is never in one: blanks, quotes, brackets, the marks of chat programs. */
const CAP = /(?:(?:ro|imm)\.)?URI(?::|%3A)[^\s/?#&"'`´<>()[\]{}|,;!*_~\\…–—“”„‘’‚«»‹›\u200b-\u200f\u2060]+/i;

/** A cap that stands in a text. Secret. */
export interface FoundCap {
  readonly cap: string;
  /** As it stands there: perhaps percent-encoded. */
  readonly raw: string;
}

/** Finds the cap in what somebody pasted: between blanks or quotes, in a gateway's URL or a link of the app. Undefined if there is none. */
export function findCap(text: string): FoundCap | undefined {
  const raw = firstIn(text);
  // What is encoded may end in a quote or a new line as well.
  return raw === undefined ? undefined : { cap: firstIn(decode(raw)) ?? raw, raw };
}

/**
 * The cap in what a caller gives as one, or the text itself, which is for `parseCap` to refuse.
 * @throws GridError BAD_CAP for what is no text
 */
export function capOf(given: unknown): string {
  if (typeof given === "string") return findCap(given)?.cap ?? given.trim();
  const reason = `it is ${given === null ? "null" : `of type ${typeof given}`}, and not a text`;
  throw new GridError("BAD_CAP", { reason }, `This is not a cap that can be used: ${reason}.`);
}

function firstIn(text: string): string | undefined {
  // A full stop is a sentence's.
  return CAP.exec(text)?.[0].replace(/\.+$/, "");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
