import { concatBytes } from "../base/bytes.ts";

const BLOCK = 64;

/**
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4), at once: `crypto.subtle` has it as a promise only, and a page wants its URLs
 * without one. Written out because a library for it is half of what the whole client may weigh; for texts of a few
 * hundred bytes.
 *
 * @param key at most 64 bytes
 * @returns 32 bytes
 */
export function keyedHash(key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(BLOCK);
  padded.set(key);
  const inner = sha256(concatBytes([padded.map((byte) => byte ^ 0x36), message]));
  return sha256(concatBytes([padded.map((byte) => byte ^ 0x5c), inner]));
}

const PRIMES = firstPrimes(64);
/** The first 32 bits of the fractional parts of the primes' cube roots, and of the first eight primes' square roots. */
const K = Uint32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const START = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

function fraction(value: number): number {
  return Math.floor((value % 1) * 2 ** 32);
}

function sha256(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / BLOCK) * BLOCK);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, message.length * 8);
  const state = START.slice();
  for (let offset = 0; offset < padded.length; offset += BLOCK) addBlock(state, view, offset);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => {
    digest.setUint32(i * 4, word);
  });
  return new Uint8Array(digest.buffer);
}

function addBlock(state: Uint32Array, view: DataView, offset: number): void {
  const w = new Uint32Array(64);
  for (let t = 0; t < 64; t++) {
    w[t] = t < 16 ? view.getUint32(offset + 4 * t) : nextWord(w, t);
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t++) {
    const first = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + K[t]! + w[t]!) | 0;
    const second = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i]! += word;
  });
}

function nextWord(w: Uint32Array, t: number): number {
  const [early, late] = [w[t - 15]!, w[t - 2]!];
  const lateMix = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
  return lateMix + w[t - 7]! + (rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3)) + w[t - 16]!;
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
