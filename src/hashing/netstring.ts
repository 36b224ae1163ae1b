import { concatBytes, utf8 } from "../base/bytes.ts";

const COMMA = utf8(",");

/** The bytes with their decimal length and a colon before them and a comma after: `abc` -> `3:abc,`. */
export function netstring(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([utf8(`${bytes.length}:`), bytes, COMMA]);
}
