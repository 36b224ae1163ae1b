import { GridError } from "./GridError.ts";

/** A run of bytes: `length` bytes from `offset` on; both safe integers, not negative. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Checks a range where it enters.
 * @throws GridError BAD_RANGE for a number that is negative, fractional, or (with the range's end) above 2^53-1
 */
export function checkRange(offset: number, length: number): ByteRange {
  for (const [name, value] of [
    ["offset", offset],
    ["length", length],
    ["end", offset + length],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      const reason = `${name} ${value} is not an integer from 0 to 2^53-1`;
      throw new GridError("BAD_RANGE", { reason }, `Cannot read this range: ${reason}.`);
    }
  }
  return { offset, length };
}

/** Does the range have a byte in common with the `length` bytes from `offset` on? An empty one never has. */
export function overlaps(range: ByteRange, offset: number, length: number): boolean {
  if (range.length <= 0 || length <= 0) return false;
  return range.offset < offset + length && offset < range.offset + range.length;
}
