import { isGridError } from "../base/GridError.ts";
import { formatCap, readCapOf } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";

/**
 * The cap that lets its holder read what this one does, and change nothing: all that this app keeps, shows and shares. A text that is
 * no cap of a kind that is known here stays as it is.
 */
export function readOnlyCap(text: string): string {
  return reduced(text)?.readCap ?? text;
}

/** Does it let its holder change what it names? */
export function isWriteCap(text: string): boolean {
  const caps = reduced(text);
  return caps !== undefined && caps.readCap !== caps.cap;
}

function reduced(text: string): { readonly cap: string; readonly readCap: string } | undefined {
  try {
    const cap = parseCap(text);
    return { cap: formatCap(cap), readCap: formatCap(readCapOf(cap)) };
  } catch (error) {
    if (isGridError(error, "BAD_CAP")) return undefined;
    throw error;
  }
}
