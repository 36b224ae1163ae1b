import { concatBytes } from "../../base/bytes.ts";
import type { GoldenFile } from "./golden.ts";

/**
 * The same file with its shares in layout version 2. Tahoe-LAFS itself writes that layout only where a share comes near
 * 4 GiB, and documents no switch for it: so this takes its version 1 shares apart and puts the same sections behind the
 * wider header. (The interoperability tests give such shares to real servers and have the real client read them.)
 */
export function relayAsV2(file: GoldenFile): GoldenFile {
  const shares = new Map([...file.shares].map(([number, share]) => [number, relayShare(share)]));
  return { ...file, name: `${file.name}, version 2`, shares };
}

function relayShare(share: Uint8Array): Uint8Array<ArrayBuffer> {
  const from = new DataView(share.buffer, share.byteOffset, share.byteLength);
  // Both headers: version, block size, data size, then the offsets of six sections, of which the last is the UEB's
  // length.
  const fields = Array.from({ length: 8 }, (_, i) => from.getUint32(4 + 4 * i));
  const header = new DataView(new ArrayBuffer(V2_HEADER));
  header.setUint32(0, 2);
  for (const [i, value] of fields.entries()) {
    header.setBigUint64(4 + 8 * i, BigInt(i < 2 ? value : value + V2_HEADER - V1_HEADER));
  }
  const uebAt = from.getUint32(32);
  const uebLength = new DataView(new ArrayBuffer(8));
  uebLength.setBigUint64(0, BigInt(from.getUint32(uebAt)));
  return concatBytes([
    new Uint8Array(header.buffer),
    share.subarray(V1_HEADER, uebAt),
    new Uint8Array(uebLength.buffer),
    share.subarray(uebAt + 4),
  ]);
}

const V1_HEADER = 36;
const V2_HEADER = 68;
