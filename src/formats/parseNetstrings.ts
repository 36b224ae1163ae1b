import { badFormat } from "../base/badFormat.ts";

const COLON = 58;
const COMMA = 44;
const ZERO = 48;
const NINE = 57;
/** A length of 2^53-1 has 16 digits. */
const MOST_DIGITS = 16;

/**
 * The contents of netstrings, `3:abc,`, one after the other, up to the last byte. Not copies, and each made only when it is asked
 * for: three bytes are a netstring, and what stands for one in memory is a hundred.
 * @param what the whole is, for errors
 * @throws GridError BAD_FORMAT for anything else
 */
export function* parseNetstrings(bytes: Uint8Array, what: string): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const colon = bytes.indexOf(COLON, at);
    if (colon <= at || colon - at > MOST_DIGITS) throw badFormat(what, `there is no length at byte ${at}`);
    let length = 0;
    for (const digit of bytes.subarray(at, colon)) {
      if (digit < ZERO || digit > NINE) throw badFormat(what, `the length at byte ${at} is not a decimal number`);
      length = 10 * length + (digit - ZERO);
    }
    const start = colon + 1;
    if (bytes[start + length] !== COMMA) throw badFormat(what, `the part at byte ${at} does not end where it should`);
    yield bytes.subarray(start, start + length);
    at = start + length + 1;
  }
}
