/** Where a text stops being JSON, both counted from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** It is right as far as it goes, and ends too early. */
  readonly isEnd: boolean;
}

const TOKEN =
  /[ \t\r\n]*(?:("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})|[\x7f-\x9f])*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w))|([[\]{},:]))/uy;

type Wanted = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end";

/**
 * Finds the first place in a text at which it cannot be JSON any more. For whoever has to mend it: what parsers say differs, and
 * quotes the text, which may hold secrets.
 *
 * @param text that JSON.parse does not take
 */
export function jsonFault(text: string): JsonFault {
  const token = new RegExp(TOKEN);
  const open: ("[" | "{")[] = [];
  let wanted: Wanted = "value";
  let good = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, string, scalar, mark] = match;
    const next = after(wanted, string === undefined ? (scalar === undefined ? mark! : "scalar") : "string", open);
    if (next === undefined) break;
    wanted = next;
    good = token.lastIndex;
  }
  const at = good + (/^[ \t\r\n]*/.exec(text.slice(good))?.[0].length ?? 0);
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length, column: lines.at(-1)!.length + 1, isEnd: at === text.length };
}

/** What is wanted after this token, where it may stand; `open` follows it. */
function after(wanted: Wanted, token: string, open: ("[" | "{")[]): Wanted | undefined {
  const isValueDue = wanted === "value" || wanted === "value or ]";
  const isKeyDue = wanted === "key" || wanted === "key or }";
  if (isKeyDue && token === "string") return ":";
  if (wanted === ":") return token === ":" ? "value" : undefined;
  if (isValueDue && (token === "string" || token === "scalar")) return ", or end";
  if (isValueDue && (token === "[" || token === "{")) {
    open.push(token);
    return token === "[" ? "value or ]" : "key or }";
  }
  const inner = open.at(-1);
  if (wanted === ", or end" && token === "," && inner !== undefined) return inner === "[" ? "value" : "key";
  const isClosed =
    token === "]" ? inner === "[" && wanted !== "value" : token === "}" && inner === "{" && wanted !== "key";
  if (!isClosed) return undefined;
  open.pop();
  return ", or end";
}
