import { badFormat } from "../base/badFormat.ts";
import { parseNetstrings } from "./parseNetstrings.ts";

/** A child as it stands in a directory's content. */
export interface DirectoryEntry {
  /** In NFC. Any characters, also slashes and dots alone. */
  readonly name: string;
  /** The text in the slot of the read cap, without the blanks that may fill it up; may be empty. Secret. */
  readonly readCap: string;
  /** The slot of the write cap: encrypted in a mutable directory, empty in an immutable one. */
  readonly writeField: Uint8Array;
  /** A JSON object, as the writer left it; an empty one where it nests deeper than 32 levels. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

const WHAT = "directory";
/**
 * Clients nest metadata a few levels deep. `JSON.stringify` overflows the stack at some thousand levels, and what it writes,
 * indented, grows with the square of the depth: one hostile entry must not hide its siblings.
 */
const MOST_LEVELS = 32;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a directory's content: a netstring for each child, of four netstrings: name, read cap, write cap, metadata. Empty
 * content is an empty directory. Of children with one name the last counts, in the first one's place.
 *
 * @throws GridError BAD_FORMAT for the whole directory where anything in it is broken
 */
export function parseDirectory(bytes: Uint8Array): DirectoryEntry[] {
  const entries = new Map<string, DirectoryEntry>();
  for (const entry of parseNetstrings(bytes, WHAT)) {
    const child = parseEntry(entry);
    entries.set(child.name, child);
  }
  return [...entries.values()];
}

function parseEntry(entry: Uint8Array): DirectoryEntry {
  const [name, readCap, writeField, metadata, ...more] = firstFields(entry);
  if (!name || !readCap || !writeField || !metadata || more.length > 0) {
    throw badFormat(WHAT, "a child does not have 4 fields");
  }
  return {
    name: text(name, "name").normalize("NFC"),
    readCap: trimBlanks(text(readCap, "read cap")),
    writeField,
    metadata: parseMetadata(text(metadata, "metadata")),
  };
}

/** One more than there may be is enough to see that. */
function firstFields(entry: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (const field of parseNetstrings(entry, WHAT)) {
    if (fields.push(field) > 4) break;
  }
  return fields;
}

function parseMetadata(json: string): Record<string, unknown> {
  if (levelsOf(json) > MOST_LEVELS) return {};
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw badFormat(WHAT, "a child's metadata are not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badFormat(WHAT, "a child's metadata are not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** How deep a JSON text nests. */
function levelsOf(json: string): number {
  let level = 0;
  let most = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const unit = json[at];
    if (unit === '"') isInString = !isInString;
    else if (isInString) at += unit === "\\" ? 1 : 0;
    else if (unit === "{" || unit === "[") most = Math.max(most, ++level);
    else if (unit === "}" || unit === "]") level--;
  }
  return most;
}

function text(bytes: Uint8Array, field: string): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw badFormat(WHAT, `a child's ${field} is not UTF-8`);
  }
}

/** Spaces at the end alone: writers have filled slots up with them. */
export function trimBlanks(cap: string): string {
  let end = cap.length;
  // Not by a pattern: that takes time in the square of the blanks, of which a stranger's directory may have millions.
  while (end > 0 && cap[end - 1] === " ") end--;
  return cap.slice(0, end);
}
