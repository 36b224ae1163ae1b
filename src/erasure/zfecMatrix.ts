import { divide, multiply, powerOfTwo } from "./gf256.ts";

/*
 * zfec as polynomial evaluation. Its matrix starts as a Vandermonde matrix, whose row r evaluates a polynomial of
 * degree below k, given by its coefficients, at a point x_r: 0 for row 0, 2^(r-1) for row r. Multiplying with the
 * inverse of the first k rows turns that around: the polynomial is now given by its values at x_0 ... x_(k-1), which
 * are the primary blocks, and block r is its value at x_r. So encoding and decoding are one thing: from values at k
 * points, a value at another point. Lagrange's formula has the factors:
 *
 *   p(x) = sum over s of p(x_s) * product over m != s of (x - x_m) / (x_s - x_m)
 *
 * Subtraction in this field is exclusive or.
 */

/**
 * The factors by which the blocks of the shares `from` (distinct) are multiplied and added up, bytewise, to make the
 * block of share `to`; in the order of `from`.
 */
export function factorsFor(from: readonly number[], to: number): Uint8Array {
  const target = pointOf(to);
  const points = from.map(pointOf);
  const factors = new Uint8Array(from.length);
  for (const [s, point] of points.entries()) {
    let above = 1;
    let below = 1;
    for (const [m, other] of points.entries()) {
      if (m === s) continue;
      above = multiply(above, target ^ other);
      below = multiply(below, point ^ other);
    }
    factors[s] = divide(above, below);
  }
  return factors;
}

function pointOf(share: number): number {
  return share === 0 ? 0 : powerOfTwo(share - 1);
}
