import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { concatBytes } from "../../base/bytes.ts";
import {
  MUTABLE_GOLDEN_FOLDER,
  type MutableGolden,
  type MutableGoldenEntry,
  mutablePlaintext,
} from "../../files/testing/mutableGolden.ts";
import type { DirectoryCap, FileCap } from "../../formats/Cap.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { httpServer } from "../../servers/httpServer.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { pinnedTlsTransport } from "../transport/pinnedTlsTransport.ts";
import type { TahoeClient } from "./TahoeClient.ts";
import { TahoeGrid } from "./TahoeGrid.ts";

interface Recipe {
  readonly name: string;
  readonly needed: number;
  readonly total: number;
  readonly format: "sdmf" | "mdmf";
  readonly size: number;
  /** How often something is stored under the same cap. */
  readonly versions?: number;
}

const FILES: readonly Recipe[] = [
  { name: "sdmf-empty", needed: 3, total: 4, format: "sdmf", size: 0 },
  { name: "sdmf", needed: 3, total: 10, format: "sdmf", size: 40 },
  // Segments of an MDMF file have 131073 bytes at k = 3: this has one and a tail that needs padding.
  { name: "mdmf-segments", needed: 3, total: 3, format: "mdmf", size: 131_075, versions: 2 },
  { name: "mdmf-empty", needed: 3, total: 4, format: "mdmf", size: 0 },
  { name: "mdmf", needed: 3, total: 5, format: "mdmf", size: 40 },
  { name: "versions", needed: 3, total: 10, format: "sdmf", size: 100, versions: 2 },
  { name: "one-of-one", needed: 1, total: 1, format: "sdmf", size: 100 },
];

const LONGEST_SHARE = 2 ** 30;

/**
 * Makes the golden mutable files and directories: stores them on a grid of real Tahoe-LAFS servers, and writes the shares
 * as those give them out over HTTP, with an index, into src/files/testing/mutableGolden/. Keys are random: each run makes others.
 *
 * @param bin the folder that holds the `tahoe` command
 */
export async function makeMutableGolden(bin: string): Promise<void> {
  await mkdir(MUTABLE_GOLDEN_FOLDER, { recursive: true });
  const grid = await TahoeGrid.start(bin, 5);
  const entries: MutableGoldenEntry[] = [];
  try {
    for (const recipe of FILES) {
      const { versions = 1, format, ...facts } = recipe;
      const client = await grid.startClient(recipe);
      const golden: MutableGolden = { ...facts, cap: "", readCap: "", versions: [] };
      const cap = await send(client, "PUT", `/uri?format=${format}`, mutablePlaintext(golden, 0));
      const shares = [await readShares(grid, cap, recipe.total)];
      for (let version = 1; version < versions; version++) {
        await send(client, "PUT", `/uri/${encodeURIComponent(cap)}`, mutablePlaintext(golden, version));
        shares.push(await readShares(grid, cap, recipe.total));
      }
      entries.push(await keep({ ...facts, cap, readCap: await readCapOf(client, cap) }, shares));
      await client.stop();
    }
    const client = await grid.startClient({ needed: 3, total: 4 });
    for (const make of [makeDirectory, makeImmutableDirectory]) entries.push(await make(grid, client));
    const rows = entries.map((entry) => JSON.stringify(entry));
    await writeFile(join(MUTABLE_GOLDEN_FOLDER, "index.json"), `[\n${rows.join(",\n")}\n]\n`);
  } finally {
    await grid.stop();
  }
}

async function makeDirectory(grid: TahoeGrid, client: TahoeClient): Promise<MutableGoldenEntry> {
  const cap = await send(client, "POST", "/uri?t=mkdir");
  const url = `/uri/${encodeURIComponent(cap)}`;
  await send(client, "PUT", `${url}/${encodeURIComponent("größe.txt")}`, "x".repeat(100));
  await send(client, "PUT", `${url}/literal.txt`, "short");
  await send(client, "PUT", `${url}/${encodeURIComponent("slash/in its name")}`, "also short");
  await send(client, "PUT", `${url}/changing.txt?format=sdmf`, "it may change");
  await send(client, "POST", `${url}/sub?t=mkdir`);
  const unknown = { "future.x": ["unknown", { ro_uri: "ro.x-future:read", rw_uri: "x-future:write" }] };
  await send(client, "POST", `${url}?t=set_children`, JSON.stringify(unknown));
  return keepDirectory(grid, client, "directory", cap);
}

async function makeImmutableDirectory(grid: TahoeGrid, client: TahoeClient): Promise<MutableGoldenEntry> {
  const file = await send(client, "PUT", "/uri", "y".repeat(100));
  const children = {
    "file.txt": ["filenode", { ro_uri: file, metadata: { note: "kept" } }],
    "literal.txt": ["filenode", { ro_uri: "URI:LIT:nbuq" }],
  };
  const cap = await send(client, "POST", "/uri?t=mkdir-immutable", JSON.stringify(children));
  return keepDirectory(grid, client, "immutable-directory", cap);
}

async function keepDirectory(grid: TahoeGrid, client: TahoeClient, name: string, cap: string) {
  const readCap = await readCapOf(client, cap);
  const [needed, total] = [3, 4];
  const listing = JSON.parse(await send(client, "GET", `/uri/${encodeURIComponent(cap)}?t=json`));
  const readListing = JSON.parse(await send(client, "GET", `/uri/${encodeURIComponent(readCap)}?t=json`));
  const shares = await readShares(grid, cap, total);
  return keep({ name, cap, readCap, needed, total, listing, readListing }, [shares]);
}

async function readCapOf(client: TahoeClient, cap: string): Promise<string> {
  return send(client, "GET", `/uri/${encodeURIComponent(cap)}?t=readonly-uri`);
}

async function send(
  client: TahoeClient,
  method: string,
  path: string,
  body?: Uint8Array<ArrayBuffer> | string,
): Promise<string> {
  const reply = await fetch(new URL(path, client.gateway), { method, ...(body !== undefined && { body }) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method}: ${text}`);
  return text.trim();
}

async function keep(
  facts: Omit<MutableGolden, "versions">,
  versions: readonly (readonly Uint8Array[])[],
): Promise<MutableGoldenEntry> {
  const shares = versions.flat();
  const shareLength = shares[0]?.length ?? 0;
  if (shares.some(({ length }) => length !== shareLength))
    throw new Error(`${facts.name}: shares of different lengths`);
  await writeFile(join(MUTABLE_GOLDEN_FOLDER, `${facts.name}.shares`), concatBytes(shares));
  return { ...facts, shareLength, versions: versions.length };
}

/** The whole shares 0 to N-1, from whichever servers hold them. */
async function readShares(grid: TahoeGrid, cap: string, total: number): Promise<Uint8Array[]> {
  const parsed = parseCap(cap) as FileCap | DirectoryCap;
  const content = parsed.kind === "DIR2" ? parsed.content : parsed;
  if (content.kind === "LIT") throw new Error("a literal file has no shares");
  const storageIndex = storageIndexText(content.storageIndex);
  const signal = AbortSignal.timeout(60_000);
  const shares: Uint8Array[] = [];
  for (const server of grid.servers) {
    const nurl = parseNurl(server.nurl);
    const { storage, mutableStorage } = httpServer(server, pinnedTlsTransport(nurl, server.id), nurl.swissnum);
    const client = content.kind === "CHK" ? storage : mutableStorage;
    for (const number of await client.listShares(storageIndex, signal)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of client.readShare(storageIndex, number, 0, LONGEST_SHARE, signal)) pieces.push(piece);
      shares[number] = concatBytes(pieces);
    }
  }
  if (Object.keys(shares).length !== total) throw new Error("shares are missing");
  return shares;
}
