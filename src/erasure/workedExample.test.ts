import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { formatCap } from "../formats/formatCap.ts";
import { blockLengthOf, makeGeometry, segmentLength } from "../formats/Geometry.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexOf, storageIndexText } from "../formats/storageIndex.ts";
import { checkUeb, formatUeb, parseUeb } from "../formats/Ueb.ts";
import { buildHashTree } from "../hashing/buildHashTree.ts";
import { decryptCtr, importCtrKey } from "../hashing/ctr.ts";
import { HashTree } from "../hashing/HashTree.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { BLOCK_TAG, CIPHERTEXT_TAG, SEGMENT_TAG, UEB_TAG } from "../hashing/tags.ts";
import { zfecTypeScript } from "./zfecTypeScript.ts";

// A file of 900 bytes whose every figure was computed with Tahoe-LAFS 1.20: all primitives together, from the plaintext
// to the cap.
const plaintext = utf8("The quick brown fox jumps over the lazy dog. ".repeat(20));
const key = Uint8Array.from({ length: 16 }, (_, i) => i);
const CAP = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:900";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the worked example, from the plaintext to the cap", async () => {
  const geometry = makeGeometry({ size: 900, segmentSize: 300, needed: 3, total: 10 });
  const ciphertext = await decryptCtr(await importCtrKey(key), 0, plaintext);
  expect(hex(ciphertext).slice(0, 32)).toBe("92c95e17f6fa32e1046fe310cebfb659");
  expect(sha256(ciphertext)).toBe("c60185d58bb779151b7c9800cd5f1de110e9fbd253071be32a36b4876a759ef0");

  const segments = [0, 1, 2].map((i) => ciphertext.slice(i * 300, i * 300 + segmentLength(geometry, i)));
  const blocks = segments.map((segment, i) => {
    const length = blockLengthOf(geometry, i);
    const primaries = [0, 1, 2].map((j) => segment.subarray(j * length, (j + 1) * length));
    return zfecTypeScript.encode(geometry, primaries, [...Array(10).keys()]);
  });
  expect(hex(blocks[0]![9]!).slice(0, 32)).toBe("8fd35b3359634383bd4635cdcd6c2a1c");
  expect(sha256(blocks[0]![9]!)).toBe("d1f92071d2da2d2c7875cfc55945f75b48589fa1fdc3eb080574393527e3993e");

  const ciphertextTree = buildHashTree(segments.map((segment) => taggedHash(SEGMENT_TAG, segment)));
  expect(hex(ciphertextTree[0]!)).toBe("f5abf645a85d524dd5cab5ba01049a9d7c19fc489c9bad906382285d1a301fef");
  const blockRoots = [...Array(10).keys()].map(
    (share) => buildHashTree(blocks.map((ofSegment) => taggedHash(BLOCK_TAG, ofSegment[share]!)))[0]!,
  );
  const shareTree = buildHashTree(blockRoots);
  expect(hex(shareTree[0]!)).toBe("f42c79521d93bcb658668a4189aa6f54914f2c80e755865833aa9d60004b2497");
  const tree = new HashTree(10);
  expect([tree.firstLeaf + 9, ...tree.needed(9)].sort((a, b) => a - b)).toEqual([1, 6, 12, 23, 24]);

  const ciphertextHash = taggedHash(CIPHERTEXT_TAG, ciphertext);
  expect(hex(ciphertextHash)).toBe("15a0a598878de04e85f63a59bb86430370b3d25e2c154920ac858999deaed0ea");
  const ueb = formatUeb({
    geometry,
    ciphertextHash,
    ciphertextRootHash: ciphertextTree[0]!,
    shareRootHash: shareTree[0]!,
  });
  expect(ueb).toHaveLength(312);
  expect(checkUeb(parseUeb(ueb), { size: 900, needed: 3, total: 10 })).toEqual(geometry);

  const storageIndex = storageIndexOf(key);
  expect(storageIndexText(storageIndex)).toBe("hdis5iaveku6lnlaiccydyid7q");
  const cap = {
    kind: "CHK",
    key,
    storageIndex,
    uebHash: taggedHash(UEB_TAG, ueb),
    needed: 3,
    total: 10,
    size: 900,
  } as const;
  expect(formatCap(cap)).toBe(CAP);
  expect(parseCap(CAP)).toEqual(cap);
  expect(encodeBase32(storageIndex)).toBe(storageIndexText(storageIndex));

  const out = new Uint8Array(300);
  zfecTypeScript.decode(geometry, new Map([9, 4, 1].map((share) => [share, blocks[2]![share]!])), out);
  expect(out).toEqual(segments[2]);
  expect(await decryptCtr(await importCtrKey(key), 600, out)).toEqual(plaintext.slice(600));
  expect(concatBytes(segments)).toEqual(ciphertext);
});
