import { checkRange } from "../base/range.ts";

const AES_BLOCK = 16;
/** Chromium's crypto.subtle does AES fastest in calls of up to so many bytes: more, and it takes new memory for each (measured in its workers). */
const CTR_PIECE = 256 * 1024;

/** A file's 16-byte key, for `decryptCtr` only: not extractable again. */
export function importCtrKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-CTR", false, ["decrypt"]);
}

/**
 * AES-128-CTR as files use it: the counter starts at zero with the file's first byte and is one 128-bit big-endian
 * number. The cipher is its own inverse, so this encrypts too. Fastest with at most CTR_PIECE bytes at a time.
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
  const skip = offset % AES_BLOCK;
  // `length`: how many of the counter's bits count. With 32 it would start again, silently, after 64 GiB.
  const algorithm = { name: "AES-CTR", counter: counterAt(offset), length: 128 };
  const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, key, withBytesInFront(bytes, skip)));
  return skip > 0 ? plain.subarray(skip) : plain;
}

/** As `decryptCtr`, in pieces of at most CTR_PIECE bytes. It has taken what it needs of `bytes` when it returns. */
export function decryptPieces(
  key: CryptoKey,
  offset: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Promise<Uint8Array<ArrayBuffer>>[] = [];
  for (let at = 0; at < bytes.length; at += CTR_PIECE) {
    pieces.push(decryptCtr(key, offset + at, bytes.subarray(at, at + CTR_PIECE)));
  }
  return Promise.all(pieces);
}

/**
 * Bytes in front of the piece use up the keystream that belongs to the bytes before its offset. What they are does not matter: those
 * that stand there in the same memory spare a copy. Segments of 128 KiB at k=3 have odd lengths: nearly all start off a block.
 */
function withBytesInFront(piece: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  if (count <= piece.byteOffset) {
    return new Uint8Array(piece.buffer, piece.byteOffset - count, count + piece.length);
  }
  const input = new Uint8Array(count + piece.length);
  input.set(piece, count);
  return input;
}

// One for all calls: crypto.subtle copies it before it returns.
const counter = new DataView(new ArrayBuffer(AES_BLOCK));

function counterAt(offset: number): DataView<ArrayBuffer> {
  const blocks = Math.floor(offset / AES_BLOCK);
  counter.setUint32(8, Math.floor(blocks / 2 ** 32));
  counter.setUint32(12, blocks % 2 ** 32);
  return counter;
}
