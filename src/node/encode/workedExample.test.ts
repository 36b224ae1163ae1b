import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { formatCap } from "../../formats/formatCap.ts";
import { makeGeometry } from "../../formats/Geometry.ts";
import { parseShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatShareHeader, parseShareLayout, predictShareLayout } from "../../formats/ShareLayout.ts";
import { storageIndexOf, storageIndexText } from "../../formats/storageIndex.ts";
import { parseUeb } from "../../formats/Ueb.ts";
import { encodeSegments } from "./encodeSegments.ts";
import { FileHashes, shareLength } from "./FileHashes.ts";
import { PlainFile } from "./PlainFile.ts";

// Every figure here was computed with Tahoe-LAFS 1.20.
const plaintext = "The quick brown fox jumps over the lazy dog. ".repeat(20);
const key = Uint8Array.from({ length: 16 }, (_, i) => i);
const geometry = makeGeometry({ size: 900, segmentSize: 300, needed: 3, total: 10 });
const all = Array.from({ length: 10 }, (_, i) => i);

let folder = "";
let file: PlainFile;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-example-"));
  await writeFile(join(folder, "fox"), plaintext);
  file = await PlainFile.open(join(folder, "fox"));
});

afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

async function shares(version: 1 | 2): Promise<{ uebHash: Uint8Array<ArrayBuffer>; shares: Buffer[] }> {
  const layout = predictShareLayout(geometry, version);
  const hashes = new FileHashes(geometry);
  const header = formatShareHeader(geometry, layout);
  const parts: Uint8Array[][] = all.map(() => [header]);
  for await (const encoded of encodeSegments(file, key, geometry, all, new AbortController().signal)) {
    hashes.add(encoded);
    for (const share of all) parts[share]!.push(encoded.blocks[share]!.slice());
  }
  const { uebHash, afterBlocks } = hashes.finish(layout);
  for (const share of all) parts[share]!.push(afterBlocks(share));
  return { uebHash, shares: parts.map((one) => Buffer.concat(one)) };
}

it("encrypts and encodes to the same ciphertext and blocks", async () => {
  const ciphertext: Uint8Array[] = [];
  const blocks: Uint8Array[] = [];
  for await (const encoded of encodeSegments(file, key, geometry, [9], new AbortController().signal)) {
    ciphertext.push(encoded.ciphertext.slice());
    blocks.push(encoded.blocks[0]!.slice());
  }
  expect(sha256(Buffer.concat(ciphertext))).toBe("c60185d58bb779151b7c9800cd5f1de110e9fbd253071be32a36b4876a759ef0");
  expect(blocks.map(({ length }) => length)).toEqual([100, 100, 100]);
  expect(sha256(blocks[0]!)).toBe("d1f92071d2da2d2c7875cfc55945f75b48589fa1fdc3eb080574393527e3993e");
});

it("makes the same cap", async () => {
  const { uebHash } = await shares(1);
  const storageIndex = storageIndexOf(key);
  expect(storageIndexText(storageIndex)).toBe("hdis5iaveku6lnlaiccydyid7q");
  expect(formatCap({ kind: "CHK", key, storageIndex, uebHash, needed: 3, total: 10, size: 900 })).toBe(
    "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:900",
  );
});

it.each([1, 2] as const)("makes shares of version %i with the same hashes in the right places", async (version) => {
  const [share] = (await shares(version)).shares.slice(9);
  const layout = parseShareLayout(share!);
  expect(layout).toEqual(predictShareLayout(geometry, version));
  expect(share).toHaveLength(shareLength(geometry, layout));
  expect(hex(share!.subarray(layout.dataOffset, layout.dataOffset + 16))).toBe("8fd35b3359634383bd4635cdcd6c2a1c");

  const ueb = share!.subarray(layout.uebOffset + layout.uebLengthBytes);
  expect(ueb).toHaveLength(312);
  expect(hex(parseUeb(ueb).ciphertextRootHash)).toBe(
    "f5abf645a85d524dd5cab5ba01049a9d7c19fc489c9bad906382285d1a301fef",
  );
  expect(hex(parseUeb(ueb).shareRootHash)).toBe("f42c79521d93bcb658668a4189aa6f54914f2c80e755865833aa9d60004b2497");
  expect(hex(ueb)).toContain("15a0a598878de04e85f63a59bb86430370b3d25e2c154920ac858999deaed0ea");
  const root = share!.subarray(layout.ciphertextTreeOffset, layout.ciphertextTreeOffset + 32);
  expect(hex(root)).toBe("f5abf645a85d524dd5cab5ba01049a9d7c19fc489c9bad906382285d1a301fef");

  const chain = parseShareHashChain(share!.subarray(layout.chainOffset, layout.uebOffset));
  expect(chain.map(([node]) => node)).toEqual([1, 6, 12, 23, 24]);
  // The share's own leaf is the root of its block hash tree.
  expect(hex(chain[4]![1])).toBe(hex(share!.subarray(layout.blockTreeOffset, layout.blockTreeOffset + 32)));
});
