import { checkRange } from "../base/range.ts";

const AES_BLOCK = 16;
// Chromium's crypto.subtle does AES fastest in calls of up to this size (measured in its workers).
const PIECE = 512 * 1024;

/** A file's 16-byte key, for `decryptCtr` only: not extractable again. */
export function importCtrKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-CTR", false, ["decrypt"]);
}

/**
 * AES-128-CTR as files use it: the counter starts at zero with the file's first byte and is one 128-bit big-endian
 * number. The cipher is its own inverse, so this encrypts too.
 *
 * @param offset where in the file `bytes` start: any integer whose end, too, is at most 2^53-1
 * @throws GridError BAD_RANGE for any other offset
 */
export async function decryptCtr(
  key: CryptoKey,
  offset: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  checkRange(offset, bytes.length);
  const pieces = cut(offset, bytes);
  if (pieces.length === 1) return decryptPiece(key, offset, bytes);
  const out = new Uint8Array(bytes.length);
  await Promise.all(
    pieces.map(async ([start, end]) => {
      out.set(await decryptPiece(key, offset + start, bytes.subarray(start, end)), start);
    }),
  );
  return out;
}

/** [start, end) of each piece: a short one up to the cipher's first block boundary, so that the others need no copy. */
function cut(offset: number, bytes: Uint8Array): [start: number, end: number][] {
  const skip = offset % AES_BLOCK;
  const head = skip === 0 ? 0 : Math.min(AES_BLOCK - skip, bytes.length);
  const pieces: [number, number][] = head > 0 ? [[0, head]] : [];
  for (let start = head; start < bytes.length; start += PIECE)
    pieces.push([start, Math.min(start + PIECE, bytes.length)]);
  return pieces.length === 0 ? [[0, 0]] : pieces;
}

async function decryptPiece(
  key: CryptoKey,
  offset: number,
  piece: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const skip = offset % AES_BLOCK;
  let input = piece;
  if (skip > 0) {
    // Bytes in front of the piece use up the keystream that belongs to the bytes before the offset.
    input = new Uint8Array(skip + piece.length);
    input.set(piece, skip);
  }
  // `length`: how many of the counter's bits count. With 32 it would start again, silently, after 64 GiB.
  const algorithm = { name: "AES-CTR", counter: counterAt(offset), length: 128 };
  const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, key, input));
  return skip > 0 ? plain.subarray(skip) : plain;
}

function counterAt(offset: number): Uint8Array<ArrayBuffer> {
  const blocks = Math.floor(offset / AES_BLOCK);
  const counter = new Uint8Array(AES_BLOCK);
  const view = new DataView(counter.buffer);
  view.setUint32(8, Math.floor(blocks / 2 ** 32));
  view.setUint32(12, blocks % 2 ** 32);
  return counter;
}
