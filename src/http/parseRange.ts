/** What a Range header asks for, of a file of a known size. */
export type RequestedRange =
  | { readonly kind: "whole" }
  /** `offset` and `length` in bytes, within the file, `length` at least 1. */
  | { readonly kind: "part"; readonly offset: number; readonly length: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RequestedRange = { kind: "whole" };
const UNSATISFIABLE: RequestedRange = { kind: "unsatisfiable" };

/**
 * Reads a Range header (RFC 9110, section 14.2): of several ranges the first that the file has counts, and a header that
 * is wrong anywhere is ignored, which the RFC allows, and answered with the whole file.
 *
 * An empty file is sent whole for every header but closed ranges: there is nothing to be gained by refusing the
 * `bytes=0-` that players send for everything. So is any file for `bytes=-0`, as by a Tahoe-LAFS gateway.
 *
 * @param size the file's length in bytes, a safe integer
 */
export function parseRange(header: string | null, size: number): RequestedRange {
  const [, list] = /^bytes=(.*)$/i.exec(header ?? "") ?? [];
  const pieces = list?.split(",").map(parsePiece);
  if (!pieces?.every(isValid)) return WHOLE;
  const end = BigInt(size);
  for (const piece of pieces) {
    const part = partOf(piece, end);
    if (part !== undefined) return part;
  }
  return pieces.every((piece) => isPastEnd(piece, end)) ? UNSATISFIABLE : WHOLE;
}

/** As written: `first-last`, `first-` or `-last`. BigInt, since a header may hold any number. */
interface Piece {
  readonly first: bigint | undefined;
  readonly last: bigint | undefined;
}

function parsePiece(text: string): Piece | undefined {
  const [, first, last] = /^(\d*)\s*-\s*(\d*)$/.exec(text.trim()) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  return { first: first === "" ? undefined : BigInt(first), last: last === "" ? undefined : BigInt(last) };
}

function isValid(piece: Piece | undefined): piece is Piece {
  return piece !== undefined && (piece.first === undefined || piece.last === undefined || piece.first <= piece.last);
}

/** What a file of `size` bytes has of it; undefined if nothing. */
function partOf({ first, last }: Piece, size: bigint): RequestedRange | undefined {
  const from = first ?? (last === undefined || last > size ? 0n : size - last);
  if (from >= size) return undefined;
  const to = first === undefined || last === undefined || last >= size ? size - 1n : last;
  return { kind: "part", offset: Number(from), length: Number(to - from + 1n) };
}

function isPastEnd({ first, last }: Piece, size: bigint): boolean {
  return first !== undefined && (last !== undefined || size > 0n);
}
