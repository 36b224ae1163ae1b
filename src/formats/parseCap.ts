import { GridError, isGridError } from "../base/GridError.ts";
import { decodeBase32 } from "./base32.ts";
import type { Cap, ChkCap, ChkVerifyCap, MutableCap, MutableVerifyCap } from "./Cap.ts";
import { mutableStorageIndexOf, readKeyOf } from "./mutableKeys.ts";
import { storageIndexOf } from "./storageIndex.ts";

// What a cap lets its holder do decides which of the prefixes `ro.` and `imm.` may stand before it.
type Power = "write" | "read-mutable" | "immutable";

interface Kind {
  readonly power: Power;
  parse(body: string): Cap;
}

const KINDS: Readonly<Record<string, Kind>> = {
  CHK: { power: "immutable", parse: parseChk },
  "CHK-Verifier": { power: "immutable", parse: parseChkVerifier },
  LIT: { power: "immutable", parse: parseLit },
  SSK: { power: "write", parse: (body) => parseWriter("SSK", body) },
  "SSK-RO": { power: "read-mutable", parse: (body) => parseReader("SSK", body) },
  "SSK-Verifier": { power: "immutable", parse: (body) => parseMutableVerifier("SSK", body) },
  MDMF: { power: "write", parse: (body) => parseWriter("MDMF", body) },
  "MDMF-RO": { power: "read-mutable", parse: (body) => parseReader("MDMF", body) },
  "MDMF-Verifier": { power: "immutable", parse: (body) => parseMutableVerifier("MDMF", body) },
  "DIR2-CHK": { power: "immutable", parse: (body) => ({ kind: "DIR2", content: parseChk(body) }) },
  "DIR2-CHK-Verifier": {
    power: "immutable",
    parse: (body) => ({ kind: "DIR2-Verifier", content: parseChkVerifier(body) }),
  },
  "DIR2-LIT": { power: "immutable", parse: (body) => ({ kind: "DIR2", content: parseLit(body) }) },
  DIR2: { power: "write", parse: (body) => ({ kind: "DIR2", content: parseWriter("SSK", body) }) },
  "DIR2-RO": { power: "read-mutable", parse: (body) => ({ kind: "DIR2", content: parseReader("SSK", body) }) },
  "DIR2-Verifier": {
    power: "immutable",
    parse: (body) => ({ kind: "DIR2-Verifier", content: parseMutableVerifier("SSK", body) }),
  },
  "DIR2-MDMF": { power: "write", parse: (body) => ({ kind: "DIR2", content: parseWriter("MDMF", body) }) },
  "DIR2-MDMF-RO": { power: "read-mutable", parse: (body) => ({ kind: "DIR2", content: parseReader("MDMF", body) }) },
  "DIR2-MDMF-Verifier": {
    power: "immutable",
    parse: (body) => ({ kind: "DIR2-Verifier", content: parseMutableVerifier("MDMF", body) }),
  },
};

const CAP = /^((?:imm|ro)\.)?URI:([A-Za-z0-9-]+):/;

/**
 * Reads a cap, exactly as Tahoe-LAFS prints them: lower-case canonical base32, no blanks around it. Leading zeroes of
 * numbers, and what may follow the fields of an MDMF cap, are the only things that are let pass. A prefix `imm.` or `ro.` is a
 * promise, immutable or not writable, which the kind of cap must keep.
 *
 * @throws GridError BAD_CAP with a reason that says which part is wrong; the error never repeats any of the text
 */
export function parseCap(text: string): Cap {
  const match = CAP.exec(text);
  if (match === null) throw badCap(whyNoKind(text));
  const [prefix, promise, name = ""] = match;
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (kind === undefined) throw badCap("its kind is not one that Tahoe-LAFS has");
  if (promise === "imm." && kind.power !== "immutable") {
    throw badCap("after imm. it must be the cap of something immutable");
  }
  if (promise === "ro." && kind.power === "write") throw badCap("after ro. it must not be a cap that allows writing");
  return kind.parse(text.slice(prefix.length));
}

function whyNoKind(text: string): string {
  if (text === "") return "it is empty";
  if (/^(?:(?:imm|ro)\.)?URI(?::[A-Za-z0-9-]*)?$/.test(text)) return `it ends before its kind does${CUT_OFF}`;
  return "it does not start with URI: and a kind";
}

/**
 * Of a text that `parseCap` refuses: is it of a kind that may exist, but not here? Otherwise it is a broken cap of a
 * known kind, or its prefix promises what that kind does not keep.
 */
export function hasUnknownKind(text: string): boolean {
  return !Object.hasOwn(KINDS, CAP.exec(text)?.[2] ?? "");
}

function parseChk(body: string): ChkCap {
  const [key, fields] = parseChkFields("the key", body);
  return { kind: "CHK", key, storageIndex: storageIndexOf(key), ...fields };
}

function parseChkVerifier(body: string): ChkVerifyCap {
  const [storageIndex, fields] = parseChkFields("the storage index", body);
  return { kind: "CHK-Verifier", storageIndex, ...fields };
}

function parseChkFields(firstName: string, body: string) {
  const fields = body.split(":");
  if (fields.length !== 5) throw wrongFields(fields.length, 5);
  const [first = "", hash = "", k = "", n = "", bytes = ""] = fields;
  if (bytes === "") throw badCap(`its size is missing${CUT_OFF}`);
  const firstField = base32Field(firstName, first, 16);
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
  return [firstField, { uebHash, needed, total, size }] as const;
}

function parseLit(body: string) {
  try {
    return { kind: "LIT", data: base32Field("the data", body) } as const;
  } catch (error) {
    // Where each letter is right it is the end that is wrong. A cut that leaves whole bytes cannot be noticed.
    if (isGridError(error, "BAD_CAP") && /^[a-z2-7]+$/.test(body)) throw badCap(error.details.reason + CUT_OFF);
    throw error;
  }
}

function parseWriter(kind: MutableCap["kind"], body: string): MutableCap {
  const [writeKey, fingerprint] = parseMutableFields(kind, "the write key", body);
  const readKey = readKeyOf(writeKey);
  return { kind, writeKey, readKey, storageIndex: mutableStorageIndexOf(readKey), fingerprint };
}

function parseReader(kind: MutableCap["kind"], body: string): MutableCap {
  const [readKey, fingerprint] = parseMutableFields(kind, "the read key", body);
  return { kind, readKey, storageIndex: mutableStorageIndexOf(readKey), fingerprint };
}

function parseMutableVerifier(kind: MutableCap["kind"], body: string): MutableVerifyCap {
  const [storageIndex, fingerprint] = parseMutableFields(kind, "the storage index", body);
  return { kind: `${kind}-Verifier`, storageIndex, fingerprint };
}

function parseMutableFields(kind: MutableCap["kind"], firstName: string, body: string) {
  const fields = body.split(":");
  // Old MDMF caps end in hints, which have no meaning any more.
  const isRight = kind === "MDMF" ? fields.length >= 2 : fields.length === 2;
  if (!isRight) throw wrongFields(fields.length, 2);
  const [first = "", fingerprint = ""] = fields;
  const firstField = base32Field(firstName, first, 16);
  if (fields.length === 2 && fingerprint.length < FINGERPRINT_CHARACTERS) {
    throw badCap(`its fingerprint has ${fingerprint.length} of ${FINGERPRINT_CHARACTERS} characters${CUT_OFF}`);
  }
  return [firstField, base32Field("the fingerprint", fingerprint, 32)] as const;
}

/** 32 bytes in base32. */
const FINGERPRINT_CHARACTERS = 52;
const CUT_OFF = ": it seems to be cut off";

function wrongFields(are: number, should: number): GridError<"BAD_CAP"> {
  const reason = `it has ${are} ${are === 1 ? "field" : "fields"} after its kind instead of ${should}`;
  return badCap(are < should ? reason + CUT_OFF : reason);
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
