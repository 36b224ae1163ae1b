import type { ByteRange } from "./range.ts";

/**
 * A set of byte positions, kept as sorted, disjoint, never adjacent runs. Positions are plain numbers up to 2^53-1: no bit
 * operator touches them. A run of length 0 adds, removes and overlaps nothing.
 */
export class Spans {
  // Half-open: #starts[i] <= position < #ends[i].
  #starts: number[] = [];
  #ends: number[] = [];

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const { offset, length } of ranges) this.add(offset, length);
  }

  /** The runs, ascending. */
  *[Symbol.iterator](): Generator<ByteRange> {
    for (let i = 0; i < this.#starts.length; i++) {
      const offset = this.#starts[i] as number;
      yield { offset, length: (this.#ends[i] as number) - offset };
    }
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** How many positions the set has. */
  count(): number {
    let sum = 0;
    for (const run of this) sum += run.length;
    return sum;
  }

  copy(): Spans {
    const copy = new Spans();
    copy.#starts = [...this.#starts];
    copy.#ends = [...this.#ends];
    return copy;
  }

  add(offset: number, length: number): void {
    if (length <= 0) return;
    let start = offset;
    let end = offset + length;
    const from = this.#firstEndingAtOrAfter(start);
    let to = from;
    // Runs that touch the new one, at their ends too, become part of it.
    for (; to < this.#starts.length && (this.#starts[to] as number) <= end; to++) {
      start = Math.min(start, this.#starts[to] as number);
      end = Math.max(end, this.#ends[to] as number);
    }
    this.#starts.splice(from, to - from, start);
    this.#ends.splice(from, to - from, end);
  }

  remove(offset: number, length: number): void {
    if (length <= 0) return;
    const end = offset + length;
    const from = this.#firstEndingAtOrAfter(offset + 1);
    const starts: number[] = [];
    const ends: number[] = [];
    let to = from;
    for (; to < this.#starts.length && (this.#starts[to] as number) < end; to++) {
      const runStart = this.#starts[to] as number;
      const runEnd = this.#ends[to] as number;
      if (runStart < offset) {
        starts.push(runStart);
        ends.push(offset);
      }
      if (runEnd > end) {
        starts.push(end);
        ends.push(runEnd);
      }
    }
    this.#starts.splice(from, to - from, ...starts);
    this.#ends.splice(from, to - from, ...ends);
  }

  /** Is every position of the range in the set? An empty range is in every set. */
  contains(offset: number, length: number): boolean {
    if (length <= 0) return true;
    const i = this.#firstEndingAtOrAfter(offset + length);
    return i < this.#starts.length && (this.#starts[i] as number) <= offset;
  }

  /** Is any position of the range in the set? */
  overlaps(offset: number, length: number): boolean {
    if (length <= 0) return false;
    const i = this.#firstEndingAtOrAfter(offset + 1);
    return i < this.#starts.length && (this.#starts[i] as number) < offset + length;
  }

  difference(other: Spans): Spans {
    const result = this.copy();
    for (const { offset, length } of other) result.remove(offset, length);
    return result;
  }

  intersection(other: Spans): Spans {
    return this.difference(this.difference(other));
  }

  /** Index of the first run whose end is at or after `position`. */
  #firstEndingAtOrAfter(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#ends[middle] as number) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
