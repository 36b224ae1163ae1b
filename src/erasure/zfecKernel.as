// AssemblyScript, compiled by testing/make-kernel.mjs into zfecKernel.ts. One function for each number of outputs that are made in
// one pass: an input is loaded once for all of them.
//
// A product of GF(2^8) with a constant is the sum of two look-ups by the byte's halves: c*x = c*(x & 15) + c*(x & 240), and
// 16 entries are just what one SIMD swizzle looks up, for 16 bytes at once. The tables of input i and output r are at
// tables + (i*rows + r)*32: 16 products of the low halves, then 16 of the high ones.
//
// Two vectors at a time: the tables' loads serve both, and all sums stay in registers. `inputs` points to a list of addresses, so that
// inputs may lie anywhere, as outputs may. Lengths are at least 32. Where one is no multiple of that the last step goes back over
// bytes that are done already, so that no byte past an end is touched.

// @ts-ignore: a decorator that AssemblyScript knows
@inline
function product(table: usize, low: v128, high: v128): v128 {
  return v128.xor(v128.swizzle(v128.load(table), low), v128.swizzle(v128.load(table, 16), high));
}

export function make1(tables: usize, inputs: usize, count: usize, out: usize, length: usize): void {
  const mask = v128.splat<u8>(15);
  for (let at: usize = 0; at < length; at += 32) {
    if (at + 32 > length) at = length - 32;
    let a = v128.splat<u8>(0);
    let b = v128.splat<u8>(0);
    let table = tables;
    let address = inputs;
    for (let i: usize = 0; i < count; i++) {
      const input = load<usize>(address) + at;
      const v = v128.load(input);
      const w = v128.load(input, 16);
      const vLow = v128.and(v, mask);
      const wLow = v128.and(w, mask);
      const vHigh = v128.shr<u8>(v, 4);
      const wHigh = v128.shr<u8>(w, 4);
      a = v128.xor(a, product(table, vLow, vHigh));
      b = v128.xor(b, product(table, wLow, wHigh));
      table += 32;
      address += 4;
    }
    v128.store(out + at, a);
    v128.store(out + at, b, 16);
  }
}

export function make2(tables: usize, inputs: usize, count: usize, first: usize, second: usize, length: usize): void {
  const mask = v128.splat<u8>(15);
  for (let at: usize = 0; at < length; at += 32) {
    if (at + 32 > length) at = length - 32;
    let a0 = v128.splat<u8>(0);
    let a1 = v128.splat<u8>(0);
    let b0 = v128.splat<u8>(0);
    let b1 = v128.splat<u8>(0);
    let table = tables;
    let address = inputs;
    for (let i: usize = 0; i < count; i++) {
      const input = load<usize>(address) + at;
      const v = v128.load(input);
      const w = v128.load(input, 16);
      const vLow = v128.and(v, mask);
      const wLow = v128.and(w, mask);
      const vHigh = v128.shr<u8>(v, 4);
      const wHigh = v128.shr<u8>(w, 4);
      a0 = v128.xor(a0, product(table, vLow, vHigh));
      b0 = v128.xor(b0, product(table, wLow, wHigh));
      a1 = v128.xor(a1, product(table + 32, vLow, vHigh));
      b1 = v128.xor(b1, product(table + 32, wLow, wHigh));
      table += 64;
      address += 4;
    }
    v128.store(first + at, a0);
    v128.store(first + at, b0, 16);
    v128.store(second + at, a1);
    v128.store(second + at, b1, 16);
  }
}

export function make3(tables: usize, inputs: usize, count: usize, first: usize, second: usize, third: usize, length: usize): void {
  const mask = v128.splat<u8>(15);
  for (let at: usize = 0; at < length; at += 32) {
    if (at + 32 > length) at = length - 32;
    let a0 = v128.splat<u8>(0);
    let a1 = v128.splat<u8>(0);
    let a2 = v128.splat<u8>(0);
    let b0 = v128.splat<u8>(0);
    let b1 = v128.splat<u8>(0);
    let b2 = v128.splat<u8>(0);
    let table = tables;
    let address = inputs;
    for (let i: usize = 0; i < count; i++) {
      const input = load<usize>(address) + at;
      const v = v128.load(input);
      const w = v128.load(input, 16);
      const vLow = v128.and(v, mask);
      const wLow = v128.and(w, mask);
      const vHigh = v128.shr<u8>(v, 4);
      const wHigh = v128.shr<u8>(w, 4);
      a0 = v128.xor(a0, product(table, vLow, vHigh));
      b0 = v128.xor(b0, product(table, wLow, wHigh));
      a1 = v128.xor(a1, product(table + 32, vLow, vHigh));
      b1 = v128.xor(b1, product(table + 32, wLow, wHigh));
      a2 = v128.xor(a2, product(table + 64, vLow, vHigh));
      b2 = v128.xor(b2, product(table + 64, wLow, wHigh));
      table += 96;
      address += 4;
    }
    v128.store(first + at, a0);
    v128.store(first + at, b0, 16);
    v128.store(second + at, a1);
    v128.store(second + at, b1, 16);
    v128.store(third + at, a2);
    v128.store(third + at, b2, 16);
  }
}
