import { type ByteRange, checkRange } from "./range.ts";

/**
 * The part of the range asked for that a file of `size` bytes has.
 * @throws GridError BAD_RANGE for a negative, fractional or unsafe number
 */
export function clip(
  { offset = 0, length }: { readonly offset?: number; readonly length?: number },
  size: number,
): ByteRange {
  // An end beyond 2^53-1 is only a long way of saying "to the end".
  checkRange(offset, 0);
  checkRange(0, length ?? 0);
  const most = Math.max(0, size - offset);
  return { offset, length: Math.min(length ?? most, most) };
}
