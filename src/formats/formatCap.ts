import { encodeBase32 } from "./base32.ts";
import {
  type Cap,
  type ChkCap,
  type ChkVerifyCap,
  type DirectoryVerifyCap,
  type FileCap,
  isMutable,
  type VerifyCap,
} from "./Cap.ts";

/** The text of a cap, in its one canonical form. It is the secret itself, unless it is a verify cap: never to be logged. */
export function formatCap(cap: Cap): string {
  if (cap.kind === "DIR2" || cap.kind === "DIR2-Verifier") return formatDirectory(formatCap(cap.content));
  switch (cap.kind) {
    case "LIT":
      return `URI:LIT:${encodeBase32(cap.data)}`;
    case "CHK":
      return formatChk("CHK", cap.key, cap);
    case "CHK-Verifier":
      return formatChk("CHK-Verifier", cap.storageIndex, cap);
    case "SSK":
    case "MDMF":
      return cap.writeKey === undefined
        ? formatPair(`${cap.kind}-RO`, cap.readKey, cap.fingerprint)
        : formatPair(cap.kind, cap.writeKey, cap.fingerprint);
    case "SSK-Verifier":
    case "MDMF-Verifier":
      return formatPair(cap.kind, cap.storageIndex, cap.fingerprint);
  }
}

/** The cap that lets its holder read, and not write: the same one where nobody can write. */
export function readCapOf<C extends Cap>(cap: C): C {
  if (cap.kind === "DIR2") return { ...cap, content: readCapOf(cap.content) };
  if (!isMutable(cap)) return cap;
  const { writeKey: _, ...readable } = cap;
  return readable as C;
}

/**
 * The cap that lets its holder check shares, but not read. There is none where there are no shares: of literal files and
 * directories.
 */
export function verifyCapOf(cap: ChkCap): ChkVerifyCap;
export function verifyCapOf(cap: Cap): VerifyCap | undefined;
export function verifyCapOf(cap: Cap): VerifyCap | undefined {
  switch (cap.kind) {
    case "LIT":
      return undefined;
    case "CHK": {
      const { storageIndex, uebHash, needed, total, size } = cap;
      return { kind: "CHK-Verifier", storageIndex, uebHash, needed, total, size };
    }
    case "SSK":
    case "MDMF":
      return { kind: `${cap.kind}-Verifier`, storageIndex: cap.storageIndex, fingerprint: cap.fingerprint };
    case "DIR2": {
      const content = verifyCapOf(cap.content satisfies FileCap as Cap);
      return content === undefined
        ? undefined
        : { kind: "DIR2-Verifier", content: content as DirectoryVerifyCap["content"] };
    }
    default:
      return cap;
  }
}

/** A directory's cap is its file's, under another kind. SSK is the one that is left out of it. */
function formatDirectory(content: string): string {
  const [, kind = "", body = ""] = /^URI:([^:]+):(.*)$/.exec(content) ?? [];
  return `URI:${`DIR2-${kind}`.replace("DIR2-SSK", "DIR2")}:${body}`;
}

function formatChk(kind: string, first: Uint8Array, { uebHash, needed, total, size }: ChkVerifyCap | ChkCap): string {
  return `URI:${kind}:${encodeBase32(first)}:${encodeBase32(uebHash)}:${needed}:${total}:${size}`;
}

function formatPair(kind: string, first: Uint8Array, second: Uint8Array): string {
  return `URI:${kind}:${encodeBase32(first)}:${encodeBase32(second)}`;
}
