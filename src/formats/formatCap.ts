import { encodeBase32 } from "./base32.ts";
import type { ChkCap, ChkVerifyCap, LitCap } from "./Cap.ts";

/** The text of a cap, in its one canonical form. For CHK and LIT it is the secret itself: never to be logged. */
export function formatCap(cap: ChkCap | ChkVerifyCap | LitCap): string {
  if (cap.kind === "LIT") return `URI:LIT:${encodeBase32(cap.data)}`;
  const first = cap.kind === "CHK" ? cap.key : cap.storageIndex;
  const { needed, total, size } = cap;
  return `URI:${cap.kind}:${encodeBase32(first)}:${encodeBase32(cap.uebHash)}:${needed}:${total}:${size}`;
}

/** The cap that lets its holder check the file's shares, but not read the file. */
export function verifyCapOf(cap: ChkCap): ChkVerifyCap {
  const { storageIndex, uebHash, needed, total, size } = cap;
  return { kind: "CHK-Verifier", storageIndex, uebHash, needed, total, size };
}
