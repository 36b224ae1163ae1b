import { badFormat } from "../base/badFormat.ts";
import { concatBytes } from "../base/bytes.ts";
import { HASH_LENGTH } from "../hashing/taggedHash.ts";

/** A node of the share hash tree: its breadth-first number, root 0, and its 32 bytes. */
export type ChainEntry = readonly [node: number, hash: Uint8Array];

/** Bytes in an entry: a 16-bit node number and a hash. */
export const CHAIN_ENTRY_LENGTH = 2 + HASH_LENGTH;
/** The way from one of 256 leaves up: the leaf and a sibling on each of 8 levels. */
export const MAX_CHAIN_ENTRIES = 9;

/**
 * The nodes in a share's hash chain, in the order in which they are stored: none is promised. They prove nothing before
 * a HashTree has taken them.
 * @param most entries; more than a chain's where several chains were put together
 * @throws GridError BAD_FORMAT for a length that is no whole number of entries, none, or more than a chain can have
 */
export function parseShareHashChain(bytes: Uint8Array, most: number = MAX_CHAIN_ENTRIES): ChainEntry[] {
  const count = bytes.length / CHAIN_ENTRY_LENGTH;
  if (!Number.isInteger(count) || count < 1 || count > most) {
    throw badFormat("share hash chain", `it is ${bytes.length} bytes long`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const at = i * CHAIN_ENTRY_LENGTH;
    return [view.getUint16(at), bytes.slice(at + 2, at + CHAIN_ENTRY_LENGTH)];
  });
}

/** A share's hash chain from its nodes: the share's own leaf and the siblings on the way up. */
export function formatShareHashChain(entries: readonly ChainEntry[]): Uint8Array<ArrayBuffer> {
  return concatBytes(entries.flatMap(([node, hash]) => [Uint8Array.of(Math.floor(node / 256), node % 256), hash]));
}
