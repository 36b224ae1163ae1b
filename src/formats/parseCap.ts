import { GridError, isGridError } from "../base/GridError.ts";
import { decodeBase32 } from "./base32.ts";
import type { Cap } from "./Cap.ts";
import { storageIndexOf } from "./storageIndex.ts";

// What a cap lets its holder do decides which of the prefixes `ro.` and `imm.` may stand before it.
type Power = "write" | "read-mutable" | "immutable";

const OTHER_KINDS: Readonly<Record<string, Power>> = {
  "DIR2-CHK": "immutable",
  "DIR2-CHK-Verifier": "immutable",
  "DIR2-LIT": "immutable",
  "SSK-Verifier": "immutable",
  "MDMF-Verifier": "immutable",
  "DIR2-Verifier": "immutable",
  "DIR2-MDMF-Verifier": "immutable",
  "SSK-RO": "read-mutable",
  "MDMF-RO": "read-mutable",
  "DIR2-RO": "read-mutable",
  "DIR2-MDMF-RO": "read-mutable",
  SSK: "write",
  MDMF: "write",
  DIR2: "write",
  "DIR2-MDMF": "write",
};

/**
 * Reads a cap, exactly as Tahoe-LAFS prints them: lower-case canonical base32, no blanks around it. Leading zeroes of
 * numbers are the one thing that is let pass. A prefix `imm.` or `ro.` is a promise, immutable or not writable, which
 * the kind of cap must keep. Of kinds that are not files (or not immutable) only the prefix is looked at.
 *
 * @throws GridError BAD_CAP with a reason that says which part is wrong; the error never repeats any of the text
 */
export function parseCap(text: string): Cap {
  const promise = /^(?:imm|ro)\./.exec(text)?.[0] ?? "";
  const match = /^URI:([A-Za-z0-9-]+):/.exec(text.slice(promise.length));
  if (match === null) throw badCap("it does not start with URI: and a kind");
  const [prefix, kind = ""] = match;
  const body = text.slice(promise.length + prefix.length);
  if (kind === "CHK" || kind === "CHK-Verifier") return parseChk(kind, body);
  if (kind === "LIT") return { kind: "LIT", data: base32Field("the data", body) };
  const power = Object.hasOwn(OTHER_KINDS, kind) ? OTHER_KINDS[kind] : undefined;
  if (power === undefined) throw badCap("its kind is not one that Tahoe-LAFS has");
  if (promise === "imm." && power !== "immutable") throw badCap("after imm. it must be the cap of something immutable");
  if (promise === "ro." && power === "write") throw badCap("after ro. it must not be a cap that allows writing");
  return { kind: "other", scheme: `URI:${kind}` };
}

/**
 * Of a text that `parseCap` refuses: is it of a kind that may exist, but not here? Otherwise it is a broken cap of a
 * known kind, or its prefix promises what that kind does not keep.
 */
export function hasUnknownKind(text: string): boolean {
  const kind = /^(?:(?:imm|ro)\.)?URI:([A-Za-z0-9-]+):/.exec(text)?.[1] ?? "";
  return !["CHK", "CHK-Verifier", "LIT"].includes(kind) && !Object.hasOwn(OTHER_KINDS, kind);
}

function parseChk(kind: "CHK" | "CHK-Verifier", body: string): Cap {
  const fields = body.split(":");
  if (fields.length !== 5) throw badCap(`it has ${fields.length} fields after its kind instead of 5`);
  const [first = "", hash = "", k = "", n = "", bytes = ""] = fields;
  const secret = base32Field(kind === "CHK" ? "the key" : "the storage index", first, 16);
  const uebHash = base32Field("the UEB hash", hash, 32);
  const needed = numberField("k", k);
  const total = numberField("N", n);
  const size = numberField("the size", bytes);
  if (needed < 1) throw badCap("k is 0");
  if (needed > total) throw badCap("k is more than N");
  if (total > 256) throw badCap("N is more than 256");
  if (size < 1) throw badCap("the size is 0, which is never stored on a grid");
  // A share holds size/k bytes and its hash trees, and offsets in it must stay below 2^53.
  if (size / needed > 2 ** 52) throw badCap("the size is so large that its shares could not be read");
  const shared = { uebHash, needed, total, size };
  return kind === "CHK"
    ? { kind, key: secret, storageIndex: storageIndexOf(secret), ...shared }
    : { kind, storageIndex: secret, ...shared };
}

function base32Field(name: string, text: string, length?: number): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase32(text, length);
  } catch (error) {
    if (isGridError(error, "BAD_FORMAT")) throw badCap(`${name} is not right base32: ${error.details.reason}`);
    throw error;
  }
}

function numberField(name: string, text: string): number {
  if (!/^[0-9]+$/.test(text)) throw badCap(`${name} is not a decimal number`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw badCap(`${name} is above 2^53-1`);
  return value;
}

function badCap(reason: string): GridError<"BAD_CAP"> {
  return new GridError("BAD_CAP", { reason }, `This is not a cap that can be used: ${reason}.`);
}
