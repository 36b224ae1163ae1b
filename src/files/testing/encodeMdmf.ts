import { constants, createSign, generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { concatBytes } from "../../base/bytes.ts";
import { zfec } from "../../erasure/zfec.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import type { MutableCap } from "../../formats/Cap.ts";
import { blockLengthOf, type Geometry, makeGeometry, segmentLength } from "../../formats/Geometry.ts";
import { dataKeyOf, fingerprintOf, mutableStorageIndexOf } from "../../formats/mutableKeys.ts";
import { formatShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatInteger } from "../../formats/ShareLayout.ts";
import { buildHashTree } from "../../hashing/buildHashTree.ts";
import { decryptCtr, importCtrKey } from "../../hashing/ctr.ts";
import { taggedHash } from "../../hashing/taggedHash.ts";
import { BLOCK_TAG } from "../../hashing/tags.ts";
import { chainOf } from "./encodeShares.ts";

/** A version of a mutable file, in memory. */
export interface EncodedMdmf {
  readonly cap: MutableCap;
  readonly storageIndexText: string;
  readonly geometry: Geometry;
  /** Whole shares by number, as a server has them. */
  readonly shares: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

const HEADER_LENGTH = 123;
/** Making them takes longer than all else. */
let keys: KeyPairKeyObjectResult | undefined;

/** Makes all shares of a film that is a mutable file (MDMF), which no golden file is large enough for. Its private key is left out. */
export async function encodeMdmf(
  plaintext: Uint8Array<ArrayBuffer>,
  { needed, total, segmentSize }: { needed: number; total: number; segmentSize: number },
): Promise<EncodedMdmf> {
  keys ??= generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { publicKey, privateKey } = keys;
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const readKey = new Uint8Array(16).fill(7);
  const geometry = makeGeometry({ size: plaintext.length, segmentSize, needed, total });
  const numbers = Array.from({ length: total }, (_, n) => n);

  /** Of each segment, by share number: the salt and the block. */
  const rows: Uint8Array<ArrayBuffer>[][] = [];
  for (let segment = 0; segment < geometry.segmentCount; segment++) {
    const salt = new Uint8Array(16).fill(segment);
    const key = await importCtrKey(dataKeyOf(salt, readKey));
    const at = segment * segmentSize;
    const blockLength = blockLengthOf(geometry, segment);
    const padded = new Uint8Array(needed * blockLength);
    padded.set(await decryptCtr(key, 0, plaintext.slice(at, at + segmentLength(geometry, segment))));
    const primaries = numbers.slice(0, needed).map((n) => padded.subarray(n * blockLength, (n + 1) * blockLength));
    rows.push(zfec.encode({ needed, total }, primaries, numbers).map((block) => concatBytes([salt, block])));
  }
  const blockTrees = numbers.map((n) => buildHashTree(rows.map((row) => taggedHash(BLOCK_TAG, row[n]!))));
  const shareTree = buildHashTree(blockTrees.map(([root]) => root!));
  const signed = concatBytes([
    Uint8Array.of(1),
    formatInteger(1, 8),
    shareTree[0]!,
    Uint8Array.of(needed, total),
    formatInteger(segmentSize, 8),
    formatInteger(plaintext.length, 8),
  ]);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const signature = createSign("sha256").update(signed).sign({ key: privateKey, padding, saltLength: 32 });

  const shareOf = (n: number): Uint8Array<ArrayBuffer> => {
    const parts = [
      formatShareHashChain(chainOf(n, shareTree)),
      signature,
      spki,
      concatBytes(rows.map((row) => row[n]!)),
      concatBytes(blockTrees[n]!),
    ];
    let end = HEADER_LENGTH;
    const [chain, signatureAt, key, data, tree] = parts.map(({ length }) => {
      end += length;
      return end - length;
    }) as [number, number, number, number, number];
    const offsets = [HEADER_LENGTH, chain, signatureAt, key, data, data, tree, end];
    return concatBytes([signed, ...offsets.map((offset) => formatInteger(offset, 8)), ...parts]);
  };
  const storageIndex = mutableStorageIndexOf(readKey);
  return {
    cap: { kind: "MDMF", readKey, storageIndex, fingerprint: fingerprintOf(spki) },
    storageIndexText: encodeBase32(storageIndex),
    geometry,
    shares: new Map(numbers.map((n) => [n, shareOf(n)])),
  };
}
