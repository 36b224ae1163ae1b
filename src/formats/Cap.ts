/** A cap: what `parseCap` makes of its text. */
export type Cap = FileCap | DirectoryCap | VerifyCap;

/** A cap that names a file's content. */
export type FileCap = ChkCap | LitCap | MutableCap;

/** A cap by which shares may be checked, and nothing be read. */
export type VerifyCap = ChkVerifyCap | MutableVerifyCap | DirectoryVerifyCap;

/** Immutable file. */
export interface ChkCap {
  readonly kind: "CHK";
  /** 16 bytes. Secret. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** 16 bytes, from the key. */
  readonly storageIndex: Uint8Array<ArrayBuffer>;
  /** 32 bytes. */
  readonly uebHash: Uint8Array<ArrayBuffer>;
  /** k: shares needed, 1 <= k <= N. */
  readonly needed: number;
  /** N: shares made, N <= 256. */
  readonly total: number;
  /** Plaintext length in bytes, 1..2^53-1. */
  readonly size: number;
}

/** Immutable file: its ciphertext may be checked, not read. */
export interface ChkVerifyCap extends Omit<ChkCap, "kind" | "key"> {
  readonly kind: "CHK-Verifier";
}

/** The file itself. */
export interface LitCap {
  readonly kind: "LIT";
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Mutable file, of either of the two formats: SDMF, whose caps say SSK, and MDMF. */
export interface MutableCap {
  readonly kind: "SSK" | "MDMF";
  /** 16 bytes, in caps that allow writing. Secret. */
  readonly writeKey?: Uint8Array<ArrayBuffer>;
  /** 16 bytes, from the write key if there is one. Secret. */
  readonly readKey: Uint8Array<ArrayBuffer>;
  /** 16 bytes, from the read key. */
  readonly storageIndex: Uint8Array<ArrayBuffer>;
  /** Of the public key, 32 bytes. */
  readonly fingerprint: Uint8Array<ArrayBuffer>;
}

/** Mutable file: its shares may be checked, not read. */
export interface MutableVerifyCap extends Pick<MutableCap, "storageIndex" | "fingerprint"> {
  readonly kind: "SSK-Verifier" | "MDMF-Verifier";
}

/** A directory is the content of a file. */
export interface DirectoryCap {
  readonly kind: "DIR2";
  readonly content: FileCap;
}

/** A directory whose shares may be checked, not read. */
export interface DirectoryVerifyCap {
  readonly kind: "DIR2-Verifier";
  readonly content: ChkVerifyCap | MutableVerifyCap;
}

/** Does it name a file that can change? */
export function isMutable(cap: Cap): cap is MutableCap {
  return cap.kind === "SSK" || cap.kind === "MDMF";
}

/** The size that a cap tells, in bytes; none of a mutable file. */
export function sizeInCap(cap: FileCap): number | undefined {
  if (cap.kind === "CHK") return cap.size;
  return cap.kind === "LIT" ? cap.data.length : undefined;
}

/** Does it allow to check shares, and nothing else? */
export function isVerifyCap(cap: Cap): cap is VerifyCap {
  return cap.kind.endsWith("-Verifier");
}
