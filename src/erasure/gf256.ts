/*
 * The field of 256 elements in which zfec calculates: polynomials over bits, modulo x^8+x^4+x^3+x^2+1 (0x11d). Adding
 * is exclusive or. The powers of 2 go through all 255 elements that are not 0, so products are sums of logarithms.
 */

const POLYNOMIAL = 0x11d;
const ORDER = 255;

/** 2^i for i from 0 to 509: long enough for the sum of two logarithms. */
const POWERS = new Uint8Array(2 * ORDER);
/** i where 2^i is the index; nothing for 0. */
const LOGARITHMS = new Uint8Array(256);

for (let i = 0, power = 1; i < ORDER; i++) {
  POWERS[i] = power;
  POWERS[i + ORDER] = power;
  LOGARITHMS[power] = i;
  power *= 2;
  if (power > 255) power ^= POLYNOMIAL;
}

/** 2^exponent, for an exponent from 0 to 509. */
export function powerOfTwo(exponent: number): number {
  return POWERS[exponent]!;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : POWERS[LOGARITHMS[a]! + LOGARITHMS[b]!]!;
}

/** a / b; b is not 0. */
export function divide(a: number, b: number): number {
  return a === 0 ? 0 : POWERS[LOGARITHMS[a]! + ORDER - LOGARITHMS[b]!]!;
}

/** The products of `factor` with 0 to 255. Not to be written to. */
export function productsOf(factor: number): Uint8Array {
  let products = PRODUCTS[factor];
  if (products === undefined) {
    products = Uint8Array.from({ length: 256 }, (_, other) => multiply(factor, other));
    PRODUCTS[factor] = products;
  }
  return products;
}

const PRODUCTS: (Uint8Array | undefined)[] = new Array(256);
