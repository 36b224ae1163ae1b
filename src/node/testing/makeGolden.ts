import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { encodeBase32 } from "../../formats/base32.ts";
import { paddedSegmentSize } from "../../formats/Geometry.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { GOLDEN_FOLDER, type GoldenEntry, goldenPlaintext } from "../../formats/testing/golden.ts";
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
 * Makes the golden files again: stores known bytes on a grid of real Tahoe-LAFS servers, and writes the shares just as those
 * servers give them out over HTTP, with an index, into src/formats/testing/golden/. The convergence secret is fixed, so the same
 * files come out every time.
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
  const storageIndex = encodeBase32(parsed.storageIndex);
  const { name, needed, total, size, maxSegmentSize = DEFAULT_MAX_SEGMENT_SIZE } = recipe;
  const numbers = recipe.keep ?? Array.from({ length: total }, (_, i) => i);
  const shares: Buffer[] = [];
  for (const number of numbers)
    shares.push(await readShare(await holderOf(grid, storageIndex, number), storageIndex, number));
  const shareLength = shares[0]?.length ?? 0;
  if (shares.some((share) => share.length !== shareLength)) throw new Error(`${name}: shares of different lengths`);
  await writeFile(join(GOLDEN_FOLDER, `${name}.shares`), Buffer.concat(shares));
  const segmentSize = paddedSegmentSize(maxSegmentSize, size, needed);
  return { name, cap, needed, total, size, segmentSize, shareLength, shares: numbers };
}

async function holderOf(grid: TahoeGrid, storageIndex: string, number: number): Promise<TahoeServer> {
  for (const server of grid.servers) {
    const folder = join(server.storageFolder, "shares", storageIndex.slice(0, 2), storageIndex);
    const held = await readdir(folder).catch((): string[] => []);
    if (held.includes(String(number))) return server;
  }
  throw new Error(`no server holds share ${number}`);
}

function readShare(server: TahoeServer, storageIndex: string, number: number): Promise<Buffer> {
  const url = new URL(server.nurl.replace(/^pb:/, "https:"));
  const authorization = `Tahoe-LAFS ${Buffer.from(url.pathname.slice(1)).toString("base64")}`;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: url.hostname,
        port: url.port,
        path: `/storage/v1/immutable/${storageIndex}/${number}`,
        headers: { authorization },
        // Whom one talks to is no question on a grid of one's own; every share is verified against its cap by the tests.
        agent: new Agent({ rejectUnauthorized: false }),
        timeout: 10_000,
      },
      (reply) => {
        if (reply.statusCode !== 200) return reject(new Error(`HTTP ${reply.statusCode} for share ${number}`));
        const pieces: Buffer[] = [];
        reply.on("data", (piece: Buffer) => pieces.push(piece));
        reply.once("error", reject);
        reply.once("end", () => resolve(Buffer.concat(pieces)));
      },
    );
    asked.once("timeout", () => asked.destroy(new Error("the server is silent")));
    asked.once("error", reject);
    asked.end();
  });
}
