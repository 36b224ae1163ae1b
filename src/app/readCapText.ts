import { findCap } from "../base/findCap.ts";

/** What somebody pasted, dropped or shared: a cap, and a name where the text has one. */
export interface CapText {
  readonly cap: string;
  readonly name: string;
}

/**
 * Finds the cap in a text: the cap alone, a gateway's URL, a link of this app, or a `.url` file, which has a line
 * `URL=…`. Undefined if there is none.
 */
export function readCapText(text: string): CapText | undefined {
  const found = findCap(text);
  if (found === undefined) return undefined;
  const { cap, raw } = found;
  const line = text.split(/[\r\n]+/).find((each) => each.includes(raw)) ?? raw;
  return { cap, name: nameIn(line.replace(/^URL=/i, "").trim(), raw) };
}

/** A gateway's URL has it as `filename=` or as the last segment, a link of this app as `name=`. */
function nameIn(address: string, cap: string): string {
  if (!URL.canParse(address)) return "";
  const { pathname, searchParams, hash } = new URL(address);
  const given = searchParams.get("filename") ?? new URLSearchParams(hash.slice(1)).get("name");
  if (given) return given;
  const last = pathname.split("/").at(-1) ?? "";
  return last.includes(cap) || pathname.endsWith("/") || !pathname.includes(cap) ? "" : decoded(last);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
