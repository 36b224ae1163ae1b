import { hashOnce, hashTwice } from "./hashTwice.ts";

// A call of crypto.subtle costs some tens of microseconds whatever its input; below about 1 KiB plain code is faster.
const SUBTLE_FROM = 1024;

/** SHA-256(SHA-256(input)), of the input as it is at the time of the call: crypto.subtle copies it before it returns. */
export async function doubleHash(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (input.length < SUBTLE_FROM) return hashTwice(input);
  return hashOnce(new Uint8Array(await crypto.subtle.digest("SHA-256", input)));
}
