/** What a Range header asks for, of a file of a known size. */
export type RequestedRange =
  | { readonly kind: "whole" }
  /** `offset` and `length` in bytes, within the file, `length` at least 1. */
  | { readonly kind: "part"; readonly offset: number; readonly length: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RequestedRange = { kind: "whole" };
const UNSATISFIABLE: RequestedRange = { kind: "unsatisfiable" };

/**
 * Reads a Range header (RFC 9110, section 14.2) as a Tahoe-LAFS gateway does: of several ranges the first counts, and a
 * header that is wrong anywhere is ignored, which the RFC allows, and answered with the whole file.
 *
 * It differs where a media element needs a straight answer: a lone `bytes=a-` at or past the end is unsatisfiable,
 * where the gateway sends the whole file. An empty file is sent whole for every header but a closed range: there is
 * nothing to be gained by refusing the `bytes=0-` that players send for everything.
 *
 * @param size the file's length in bytes, a safe integer
 */
export function parseRange(header: string | null, size: number): RequestedRange {
  if (!header?.startsWith(UNIT)) return WHOLE;
  const pieces = header.slice(UNIT.length).split(",").map(parsePiece);
  const end = BigInt(size);
  if (!pieces.every((piece) => piece !== undefined && isValid(piece, end, pieces.length === 1))) return WHOLE;
  return resolve(pieces[0] as Piece, end);
}

const UNIT = "bytes=";

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

function isValid({ first, last }: Piece, size: bigint, alone: boolean): boolean {
  if (first === undefined) return last !== 0n && size > 0n;
  if (last === undefined) return first < size || (alone && size > 0n);
  return first <= last;
}

function resolve({ first, last }: Piece, size: bigint): RequestedRange {
  const from = first ?? (last === undefined || last > size ? 0n : size - last);
  if (from >= size) return UNSATISFIABLE;
  const to = first === undefined || last === undefined || last >= size ? size - 1n : last;
  return { kind: "part", offset: Number(from), length: Number(to - from + 1n) };
}
