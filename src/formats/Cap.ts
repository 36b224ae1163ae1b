/** A cap that names content: what `parseCap` makes of its text. */
export type Cap = ChkCap | ChkVerifyCap | LitCap | OtherCap;

/** Immutable file: may be read. */
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

/** Well-known kinds that gridfetch cannot read yet (directories, mutable files), for clear errors. */
export interface OtherCap {
  readonly kind: "other";
  /** The prefix, as in `URI:DIR2-RO`. */
  readonly scheme: string;
}
