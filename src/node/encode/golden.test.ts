import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ChkCap } from "../../formats/Cap.ts";
import { makeGeometry } from "../../formats/Geometry.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { formatShareHashChain, parseShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatShareHeader, predictShareLayout, type ShareLayout } from "../../formats/ShareLayout.ts";
import { goldenFiles } from "../../formats/testing/golden.ts";
import { convergentKey } from "./convergentKey.ts";
import { encodeSegments } from "./encodeSegments.ts";
import { FileHashes } from "./FileHashes.ts";
import { PlainFile } from "./PlainFile.ts";

/** The convergence secret with which the golden files were stored. */
const SECRET = createHash("sha256").update("gridfetch golden").digest();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-golden-"));
});
afterAll(() => rm(folder, { recursive: true }));

it.each(goldenFiles().map((golden) => [golden.name, golden] as const))(
  "makes the cap and the shares that Tahoe-LAFS made of the file %s",
  async (name, golden) => {
    const cap = parseCap(golden.cap) as ChkCap;
    const geometry = makeGeometry(golden);
    const layout = predictShareLayout(geometry);
    await writeFile(join(folder, name), golden.plaintext());
    const file = await PlainFile.open(join(folder, name));
    const signal = new AbortController().signal;
    const key = await convergentKey(file, geometry, SECRET, () => undefined, signal);
    expect(key).toEqual(cap.key);
    const hashes = new FileHashes(geometry);
    const all = Array.from({ length: golden.total }, (_, i) => i);
    const kept = [...golden.shares.keys()];
    const parts = new Map(kept.map((share) => [share, [formatShareHeader(geometry, layout) as Uint8Array]]));
    for await (const encoded of encodeSegments(file, key, geometry, all, signal)) {
      hashes.add(encoded);
      for (const share of kept) parts.get(share)!.push(encoded.blocks[share]!);
    }
    await file.close();
    const finished = hashes.finish(layout);
    expect(finished.uebHash).toEqual(cap.uebHash);
    for (const share of kept) {
      const made = Buffer.concat([...parts.get(share)!, finished.afterBlocks(share)]);
      expect([share, sorted(made, layout).equals(sorted(golden.shares.get(share)!, layout))]).toEqual([share, true]);
    }
  },
);

/** The share with its hash chain in ascending order: uploaders store the chain in whatever order. */
function sorted(share: Uint8Array, { chainOffset, uebOffset }: ShareLayout): Buffer {
  const chain = parseShareHashChain(share.subarray(chainOffset, uebOffset)).sort(([a], [b]) => a - b);
  return Buffer.concat([share.subarray(0, chainOffset), formatShareHashChain(chain), share.subarray(uebOffset)]);
}
