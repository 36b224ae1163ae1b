import { badFormat } from "../base/badFormat.ts";
import { isGridError } from "../base/GridError.ts";
import { type Cap, type DirectoryCap, isMutable } from "../formats/Cap.ts";
import { childCapKeyOf } from "../formats/mutableKeys.ts";
import { hasUnknownKind, parseCap } from "../formats/parseCap.ts";
import { type DirectoryEntry, trimBlanks } from "../formats/parseDirectory.ts";
import { decryptCtr, importCtrKey } from "../hashing/ctr.ts";

/** What a directory says of one name in it. */
export interface Child {
  readonly name: string;
  /** The most that the directory's cap gives: a write cap where both allow writing. Undefined for a kind that nobody here knows. */
  readonly cap: Cap | undefined;
  /** Of a child of an unknown kind: its caps' texts, as they may be shown. Secret. */
  readonly unknown: UnknownCaps | undefined;
  /** As the writer left it; empty where it nests deeper than 32 levels. */
  readonly metadata: Metadata;
}

/** What a directory says of the way to one of its children. */
export type Metadata = Readonly<Record<string, unknown>>;

/** Caps of a kind from the future. A prefix, `ro.` or `imm.`, says what they may be trusted to be. */
export interface UnknownCaps {
  readonly readWrite: string | undefined;
  readonly readOnly: string | undefined;
}

const SALT_LENGTH = 16;
const MAC_LENGTH = 32;

/**
 * The children of a directory, in the order in which they stand there. Those that break a promise (a mutable child in
 * an immutable directory, a write cap in the slot for read caps, a broken cap) are left out: they cannot be read, and their
 * siblings can.
 *
 * @throws GridError BAD_FORMAT where the directory as a whole is broken
 */
export async function readChildren(cap: DirectoryCap, entries: readonly DirectoryEntry[]): Promise<Child[]> {
  const children = await Promise.all(entries.map((entry) => readChild(cap, entry)));
  return children.filter((child) => child !== undefined);
}

/** One of them; undefined for one that is left out. Throws likewise. */
export async function readChild(cap: DirectoryCap, entry: DirectoryEntry): Promise<Child | undefined> {
  return isMutable(cap.content) ? mutableChild(entry, cap) : immutableChild(entry);
}

function immutableChild(entry: DirectoryEntry): Child | undefined {
  if (entry.writeField.length > 0) throw badFormat("directory", "an immutable one has a child with a write cap");
  if (entry.readCap === "") return { ...about(entry), cap: undefined, unknown: none };
  return toChild(entry, `imm.${withoutPrefix(entry.readCap)}`, undefined);
}

async function mutableChild(entry: DirectoryEntry, { content }: DirectoryCap): Promise<Child | undefined> {
  const writeKey = "writeKey" in content ? content.writeKey : undefined;
  const readWrite = writeKey === undefined ? "" : await decryptWriteCap(entry.writeField, writeKey);
  const { readCap } = entry;
  const readOnly = readCap === "" || readCap.startsWith("imm.") ? readCap : `ro.${withoutPrefix(readCap)}`;
  // A text that says of itself that it gives no write access belongs into the other slot.
  if (readWrite !== "" && readOnly === "" && /^(?:ro|imm)\./.test(readWrite))
    return toChild(entry, readWrite, undefined);
  return toChild(entry, readOnly || undefined, readWrite || undefined);
}

/** @returns undefined for a child that breaks its promises */
function toChild(
  entry: DirectoryEntry,
  readOnly: string | undefined,
  readWrite: string | undefined,
): Child | undefined {
  const best = readWrite ?? readOnly;
  if (best === undefined) return { ...about(entry), cap: undefined, unknown: none };
  if (hasUnknownKind(best)) {
    // What of an unknown cap allows writing cannot be told: it needs a read cap beside it that is no promise of immutability.
    if (readWrite !== undefined && (readOnly === undefined || readOnly.startsWith("imm."))) return undefined;
    return { ...about(entry), cap: undefined, unknown: { readWrite, readOnly } };
  }
  try {
    return { ...about(entry), cap: parseCap(best), unknown: undefined };
  } catch (error) {
    if (isGridError(error, "BAD_CAP")) return undefined;
    throw error;
  }
}

const none: UnknownCaps = { readWrite: undefined, readOnly: undefined };

function about({ name, metadata }: DirectoryEntry): Pick<Child, "name" | "metadata"> {
  return { name, metadata };
}

/**
 * salt (16) || AES-128-CTR of the cap || MAC (32). The MAC was never checked by any reader: the field is covered by the
 * directory's own signature.
 * @returns an empty text where there is no write cap
 */
async function decryptWriteCap(field: Uint8Array, writeKey: Uint8Array): Promise<string> {
  if (field.length === 0) return "";
  if (field.length < SALT_LENGTH + MAC_LENGTH) throw badFormat("directory", "a child's write cap is broken off");
  const salt = field.subarray(0, SALT_LENGTH);
  const ciphertext = field.slice(SALT_LENGTH, field.length - MAC_LENGTH);
  if (ciphertext.length === 0) return "";
  const key = await importCtrKey(childCapKeyOf(salt, writeKey));
  return trimBlanks(new TextDecoder().decode(await decryptCtr(key, 0, ciphertext)));
}

function withoutPrefix(cap: string): string {
  return cap.replace(/^(?:ro|imm)\./, "");
}
