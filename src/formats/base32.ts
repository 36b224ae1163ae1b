import { badFormat } from "../base/badFormat.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]));

/** Base32 as caps and storage indexes have it: RFC 4648's alphabet in lower case, without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/**
 * The bytes of a base32 text, which must be exactly what `encodeBase32` would have made: lower case, and no bits left
 * over that are not zero, so that no two texts mean the same bytes.
 *
 * @param length how many bytes it must be
 * @throws GridError BAD_FORMAT; the error does not repeat the text, which may be secret
 */
export function decodeBase32(text: string, length?: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  if (length !== undefined && bytes.length !== length) {
    throw badFormat("base32 text", `it has ${text.length} characters, which is not ${length} bytes`);
  }
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of text) {
    const value = VALUES.get(letter);
    if (value === undefined) throw badFormat("base32 text", "only the characters a to z and 2 to 7 may stand in it");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  if (bits >= 5) throw badFormat("base32 text", `no bytes make a text of ${text.length} characters`);
  if ((held & ((1 << bits) - 1)) !== 0)
    throw badFormat("base32 text", "its last character has bits that no byte needs");
  return bytes;
}
