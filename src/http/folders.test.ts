import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { mutableGolden } from "../files/testing/mutableGolden.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { DirectoryCap, MutableCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { fetchFromGrid } from "./testing/fetchFromGrid.ts";

// What is below the address of a folder, on shares that Tahoe-LAFS made and on some that are made here.

beforeAll(installSynchronousCrypto);

const changing = mutableGolden("directory");
const HELLO = "URI:LIT:nbuq";

let grid: SimulatedGrid;
let handles: Record<string, Partial<HandleRecord>>;
beforeEach(() => {
  grid = new SimulatedGrid(10);
  const { storageIndex } = (parseCap(changing.cap) as DirectoryCap).content as MutableCap;
  for (const [number, bytes] of changing.versions[0]!)
    grid.servers[number]!.hold(storageIndexText(storageIndex), number, bytes);
  handles = { changing: { cap: changing.cap } };
});

const get = (path: string, init?: RequestInit) => fetchFromGrid(grid, `/grid/${path}`, init, handles);
const textOf = async (path: string) => (await get(path)).text();
const bytesMoved = () => grid.servers.reduce((sum, { counts }) => sum + counts.bytes, 0);

describe("a folder's file", () => {
  const film = new Uint8Array(5_000).map((_, at) => at);
  let cap: string;

  beforeEach(async () => {
    cap = formatCap((await grid.put(film, { needed: 2, total: 4, maxSegmentSize: 1_000 })).cap);
    const season = literal({ "e01.mp4": cap, "e01.vtt": HELLO });
    handles.series = { cap: literal({ "season 1": season }) };
    handles.film = { cap, filename: "e01.mp4" };
  });

  test.each<[string, RequestInit]>([
    ["whole", {}],
    ["by a range", { headers: { Range: "bytes=1500-2499" } }],
    ["by HEAD", { method: "HEAD" }],
    ["beyond its end", { headers: { Range: "bytes=5000-" } }],
    ["on a condition that fails", { headers: { "If-Match": '"another"' } }],
  ])("W-01: is answered %s as by a handle of its own", async (_, init) => {
    const [below, own] = [await get("series/season%201/e01.mp4", init), await get("film", init)];
    expect(below.status).toBe(own.status);
    expect([...below.headers]).toEqual([...own.headers]);
    expect(Buffer.from(await below.arrayBuffer())).toEqual(Buffer.from(await own.arrayBuffer()));
  });

  test("has an entity tag, by which it is not sent again", async () => {
    const etag = (await get("series/season%201/e01.mp4", { method: "HEAD" })).headers.get("ETag");
    expect(etag).toMatch(/^"[a-z2-7]{26}-"$/);
    const again = await get("series/season%201/e01.mp4", { headers: { "If-None-Match": etag! } });
    expect(again.status).toBe(304);
  });

  test("W-02: has its own name and type, whatever the folder was given", async () => {
    Object.assign(handles.series!, { filename: "all.zip", type: "application/zip", download: true });
    const { headers } = await get("series/season%201/e01.vtt");
    expect(headers.get("Content-Type")).toBe("text/vtt; charset=utf-8");
    expect(headers.get("Content-Disposition")).toBe('attachment; filename="e01.vtt"');
    expect(headers.get("Content-Security-Policy")).toMatch(/^sandbox;/);
  });
});

describe("a folder that can change", () => {
  const secrets = [changing.cap, changing.readCap].flatMap((each) => each.split(":").slice(2));

  test.each<[string, number, string]>([
    ["literal.txt", 200, "short"],
    ["slash%2Fin%20its%20name", 200, "also short"],
    ["literal.txt?t=uri&save=true&t=json", 200, "short"],
    ["", 400, "This is the address of a directory"],
    ["?t=json", 400, "This is the address of a directory"],
    ["missing", 404, "No such child"],
    ["missing/further", 404, "No such child"],
    // A URL's dots are taken out before it is asked for. What is left is a name like any other.
    ["..%2Fliteral.txt", 404, "No such child"],
    ["x/%2e%2E/literal.txt", 200, "short"],
    ["literal.txt/further", 400, "Files have no children"],
    ["/literal.txt", 400, "empty part"],
    ["%ff", 400, "UTF-8"],
    ["future.x", 400, "of a kind that is not known here"],
    // Their own shares are not here.
    ["sub/", 400, "This is the address of a directory"],
    ["sub/deeper", 410, "none has such a file"],
    ["changing.txt", 410, "none has such a file"],
  ])("W-03: answers %s with %i, and with no cap or key", async (path, status, words) => {
    for (const Accept of ["*/*", "application/json"]) {
      const response = await get(`changing/${path}`, { headers: { Accept } });
      expect(response.status).toBe(status);
      expect(response.headers.get("Location")).toBeNull();
      const said = [...response.headers].join() + (await response.text());
      expect(said).toContain(words);
      for (const secret of secrets) expect(said).not.toContain(secret);
      expect(said).not.toMatch(/URI:[\w-]+:/);
    }
  });

  test("W-04: costs a look at its version for each request, and is read once", async () => {
    expect(await textOf("changing/literal.txt")).toBe("short");
    const before = { moved: bytesMoved(), lists: grid.servers.map(({ counts }) => counts.lists) };
    for (let range = 0; range < 5; range++) {
      const response = await get("changing/literal.txt", { headers: { Range: `bytes=${range}-${range}` } });
      expect(response.status).toBe(206);
    }
    // The signed headers of a version: 59 bytes or 75, from as many servers as it takes.
    const moved = bytesMoved() - before.moved;
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThanOrEqual(5 * 75 * changing.total);
    expect(grid.servers.map(({ counts }) => counts.lists)).toEqual(before.lists);
  });
});

test("W-05: a folder that cannot change is read once, however many of its files are asked for meanwhile", async () => {
  const files = Array.from({ length: 40 }, (_, at) => [`${at}.jpg`, chkCap(at)] as const);
  const content = directory({ ...Object.fromEntries(files), "text.txt": HELLO });
  const { cap } = await grid.put(content, { needed: 2, total: 4, maxSegmentSize: 1_000 });
  handles.gallery = { cap: formatCap({ kind: "DIR2", content: cap }) };
  expect(await textOf("gallery/text.txt")).toBe("hi");
  const before = bytesMoved();
  expect(before).toBeGreaterThan(content.length);
  const statuses = await Promise.all(
    files.map(async ([name]) => (await get(`gallery/${name}`, { method: "HEAD" })).status),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
  for (const Range of ["bytes=0-0", "bytes=1-"]) {
    expect((await get("gallery/text.txt", { headers: { Range } })).status).toBe(206);
  }
  expect(bytesMoved()).toBe(before);
});

describe("a folder that lists", () => {
  beforeEach(() => {
    const names = { "a&b?.txt": HELLO, "..": HELLO, ".": HELLO, "": HELLO, "x/../y": HELLO };
    handles.open = { cap: literal({ ...names, inner: literal({ "c.txt": HELLO }) }), shows: "listing" };
  });

  test.each(["open", "open/", "open?t=json"])(
    "W-06: shows links to all that an address can name (%s)",
    async (path) => {
      const response = await get(path);
      expect(response.headers.get("Content-Security-Policy")).toMatch(/^sandbox;/);
      const page = await response.text();
      expect(page).not.toContain("URI");
      const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
      const folder = "https://app.example/grid/open/";
      expect(links).toEqual(["a%26b%3F.txt", "x%2F..%2Fy", "inner/"].map((link) => folder + link));
      for (const link of links.slice(0, 2))
        expect(await textOf(link!.slice("https://app.example/grid/".length))).toBe("hi");
    },
  );

  test("W-07: shows what the read cap gives, also where the cap allows writing", async () => {
    handles.changing = { cap: changing.cap, shows: "listing" };
    const page = await textOf("changing");
    expect(page).toContain("<h1>Read-only directory</h1>");
    expect(page).toContain("<td>DIR-RO</td>");
    expect(page).not.toContain("URI");
  });

  test("shows the folders in it, too", async () => {
    for (const path of ["open/inner", "open/inner/"]) {
      expect(await textOf(path)).toContain('href="https://app.example/grid/open/inner/c.txt"');
    }
  });
});

/** The cap of an immutable directory that lies within its cap. */
function literal(children: Readonly<Record<string, string>>): string {
  return `URI:DIR2-LIT:${encodeBase32(directory(children))}`;
}

function directory(children: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const netstring = (text: string) => `${utf8(text).length}:${text},`;
  const entries = Object.entries(children).map(([name, cap]) =>
    netstring([name, cap, "", "{}"].map(netstring).join("")),
  );
  return utf8(entries.join(""));
}

function chkCap(number: number): string {
  const bytes = (length: number) => encodeBase32(new Uint8Array(length).fill(number));
  return `URI:CHK:${bytes(16)}:${bytes(32)}:2:4:1000`;
}
