import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { concatBytes } from "../../base/bytes.ts";
import { paddedSegmentSize } from "../../formats/Geometry.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { GOLDEN_FOLDER, type GoldenEntry, goldenPlaintext } from "../../formats/testing/golden.ts";
import { httpServer } from "../../servers/httpServer.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import type { Server } from "../../servers/Server.ts";
import { pinnedTlsTransport } from "../transport/pinnedTlsTransport.ts";
import { TahoeGrid, type TahoeServer } from "./TahoeGrid.ts";

interface Recipe {
  readonly name: string;
  readonly needed: number;
  readonly total: number;
  readonly size: number;
  readonly maxSegmentSize?: number;
  /** Which of the N shares are kept; all of them unless given. */
  readonly keep?: readonly number[];
}

const DEFAULT_MAX_SEGMENT_SIZE = 1024 * 1024;
// More than any of them has; a server gives what there is.
const LONGEST_SHARE = 2 ** 30;
const everyThird = Array.from({ length: 22 }, (_, i) => 3 * i);

const RECIPES: readonly Recipe[] = [
  // 3 segments of 120, 120 and 70 bytes, the last padded to 72: every offset in a share of it is known by heart.
  { name: "f1", needed: 3, total: 10, maxSegmentSize: 120, size: 310 },
  // Up to 55 bytes the uploader makes a LIT. The tail of 56 is padded to a multiple of 3, that of 57 is one.
  { name: "smallest", needed: 3, total: 10, size: 56, keep: [0, 1, 2, 3, 9] },
  { name: "smallest-unpadded", needed: 3, total: 10, size: 57, keep: [0, 5, 7] },
  { name: "one-of-one", needed: 1, total: 1, size: 1000 },
  { name: "one-of-ten", needed: 1, total: 10, size: 1000, keep: [0, 9] },
  { name: "ten-of-ten", needed: 10, total: 10, size: 1001 },
  { name: "22-of-66", needed: 22, total: 66, size: 135, keep: everyThird },
  { name: "3-of-255", needed: 3, total: 255, size: 1000, keep: [0, 128, 254] },
  { name: "3-of-256", needed: 3, total: 256, size: 1000, keep: [127, 128, 255] },
  { name: "tail-of-one-byte", needed: 3, total: 10, maxSegmentSize: 120, size: 361, keep: [0, 3, 6] },
  { name: "whole-tail", needed: 3, total: 10, maxSegmentSize: 120, size: 360, keep: [1, 2, 8] },
  // The limit is no multiple of k: segments of 102 bytes. Five of them make trees of 15 nodes.
  { name: "rounded-up-segments", needed: 6, total: 7, maxSegmentSize: 100, size: 450, keep: [0, 1, 2, 4, 5, 6] },
  { name: "hundred-segments", needed: 2, total: 4, maxSegmentSize: 16, size: 1595, keep: [1, 3] },
  { name: "128k-segments", needed: 3, total: 10, maxSegmentSize: 128 * 1024, size: 133_000, keep: [0, 4, 9] },
  // Too few shares to decode it, to keep this small: what is in them can be verified all the same.
  { name: "1m-segments", needed: 20, total: 25, size: 1_060_000, keep: [3, 24] },
];

/**
 * Makes the golden files again: stores known bytes on a grid of real Tahoe-LAFS servers, and writes the shares just as
 * those servers give them out over HTTP, with an index, into src/formats/testing/golden/. The convergence secret is
 * fixed, so the same files come out every time.
 *
 * @param bin the folder that holds the `tahoe` command
 */
export async function makeGolden(bin: string): Promise<void> {
  const grid = await TahoeGrid.start(bin, 5, createHash("sha256").update("gridfetch golden").digest());
  try {
    const entries: GoldenEntry[] = [];
    for (const recipe of RECIPES) {
      const client = await grid.startClient(recipe);
      const cap = await client.put(goldenPlaintext(recipe.name, recipe.size));
      await client.stop();
      entries.push(await keepShares(grid, recipe, cap));
      console.log(`${recipe.name}: ${cap}`);
    }
    const rows = entries.map((entry) => JSON.stringify(entry));
    await writeFile(join(GOLDEN_FOLDER, "index.json"), `[\n${rows.join(",\n")}\n]\n`);
  } finally {
    await grid.stop();
  }
}

async function keepShares(grid: TahoeGrid, recipe: Recipe, cap: string): Promise<GoldenEntry> {
  const parsed = parseCap(cap);
  if (parsed.kind !== "CHK") throw new Error(`${recipe.name}: a ${parsed.kind} cap`);
  const storageIndex = storageIndexText(parsed.storageIndex);
  const { name, needed, total, size, maxSegmentSize = DEFAULT_MAX_SEGMENT_SIZE } = recipe;
  const numbers = recipe.keep ?? Array.from({ length: total }, (_, i) => i);
  const servers = grid.servers.map(reachable);
  const shares: Uint8Array[] = [];
  for (const number of numbers) shares.push(await readShare(servers, storageIndex, number));
  const shareLength = shares[0]?.length ?? 0;
  if (shares.some((share) => share.length !== shareLength)) throw new Error(`${name}: shares of different lengths`);
  await writeFile(join(GOLDEN_FOLDER, `${name}.shares`), concatBytes(shares));
  const segmentSize = paddedSegmentSize(maxSegmentSize, size, needed);
  return { name, cap, needed, total, size, segmentSize, shareLength, shares: numbers };
}

/** The whole share, from whichever server holds it. */
async function readShare(servers: readonly Server[], storageIndex: string, number: number): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(30_000);
  for (const { storage } of servers) {
    if (!(await storage.listShares(storageIndex, signal)).includes(number)) continue;
    const pieces: Uint8Array[] = [];
    for await (const piece of storage.readShare(storageIndex, number, 0, LONGEST_SHARE, signal)) pieces.push(piece);
    return concatBytes(pieces);
  }
  throw new Error(`no server holds share ${number}`);
}

function reachable(server: TahoeServer): Server {
  const nurl = parseNurl(server.nurl);
  return httpServer(server, pinnedTlsTransport(nurl, server.id), nurl.swissnum);
}
