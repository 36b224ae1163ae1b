import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "cborg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeMessage, shareSet } from "../../servers/storageMessages.ts";
import { type DevelopmentGrid, type DevelopmentGridOptions, startDevelopmentGrid } from "./developmentGrid.ts";

const SI = "hdis5iaveku6lnlaiccydyid7q";
const SHARE = "abcdefghijklmnopqrstuvwxyz";
const SECRET = Buffer.alloc(32, 1).toString("base64");
const OTHER_SECRET = Buffer.alloc(32, 2).toString("base64");

let folder = "";
let grid: DevelopmentGrid;
const closing: DevelopmentGrid[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-grid-"));
  grid = await start({ servers: 2 });
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((one) => one.close()));
  await rm(folder, { recursive: true });
});

async function start(options: Partial<DevelopmentGridOptions>): Promise<DevelopmentGrid> {
  const started = await startDevelopmentGrid({ folder, ...options });
  closing.push(started);
  return started;
}

function call(path: string, init: RequestInit = {}, server = 0): Promise<Response> {
  return fetch(new URL(path, grid.addresses[server]?.url), init);
}

function secrets(...kinds: string[]): string {
  return kinds.map((kind) => `${kind} ${SECRET}`).join(", ");
}

const ALL_SECRETS = secrets("lease-renew-secret", "lease-cancel-secret", "upload-secret");

function allocate(
  numbers: number[],
  authorization = ALL_SECRETS,
  size = SHARE.length,
  change: Record<string, string> = {},
): Promise<Response> {
  const types = { "Content-Type": "application/cbor", Accept: "application/cbor" };
  return call(`/storage/v1/immutable/${SI}`, {
    method: "POST",
    headers: { ...types, "X-Tahoe-Authorization": authorization, ...change },
    body: encodeMessage({ "share-numbers": shareSet(numbers), "allocated-size": size }),
  });
}

function write(
  number: number,
  first: number,
  text: string,
  secret = SECRET,
  change: Record<string, string> = {},
): Promise<Response> {
  return call(`/storage/v1/immutable/${SI}/${number}`, {
    method: "PATCH",
    headers: {
      "X-Tahoe-Authorization": `upload-secret ${secret}`,
      "Content-Range": `bytes ${first}-${first + text.length - 1}/*`,
      Accept: "application/cbor",
      ...change,
    },
    body: text,
  });
}

async function put(number: number, text = SHARE): Promise<void> {
  expect((await allocate([number], ALL_SECRETS, text.length)).status).toBe(200);
  expect((await write(number, 0, text)).status).toBe(201);
}

function read(range?: string, number = 3, init: RequestInit = {}): Promise<Response> {
  return call(`/storage/v1/immutable/${SI}/${number}`, {
    ...init,
    headers: range === undefined ? {} : { Range: range },
  });
}

async function hexOf(response: Response): Promise<string> {
  return Buffer.from(await response.arrayBuffer()).toString("hex");
}

async function list(server = 0): Promise<string> {
  return hexOf(await call(`/storage/v1/immutable/${SI}/shares`, { headers: { Accept: "application/cbor" } }, server));
}

/** allocated and already-have of an answer. */
async function allotment(response: Response): Promise<number[][]> {
  const tags = { 258: (content: () => unknown) => content() };
  const message = decode(new Uint8Array(await response.arrayBuffer()), { tags });
  return [message.allocated, message["already-have"]];
}

describe("reading", () => {
  it("R-01: lists shares as a tagged set, an unknown storage index as an empty one", async () => {
    expect(await list()).toBe("d9010280");
    await put(1);
    await put(3);
    expect(await list()).toBe("d90102820103");
    expect(await list(1)).toBe("d9010280");
  });

  it.each(["HDIS5IAVEKU6LNLAICCYDYID7Q", "hdis5iaveku6lnlaiccydyid7r", SI.slice(1), `${SI}a`, "..%2f..%2fetc"])(
    "R-02: %s is no storage index",
    async (text) => {
      expect((await call(`/storage/v1/immutable/${text}/shares`)).status).toBe(404);
    },
  );

  it("R-03, R-04: serves one closed range, and less of it where the share ends", async () => {
    await put(3);
    const inside = await read("bytes=2-4");
    expect([inside.status, inside.headers.get("content-range"), await inside.text()]).toEqual([
      206,
      "bytes 2-4/*",
      "cde",
    ]);
    expect(inside.headers.get("content-type")).toBe("application/octet-stream");
    const beyond = await read("bytes=20-100");
    expect([beyond.status, beyond.headers.get("content-range"), await beyond.text()]).toEqual([
      206,
      "bytes 20-25/*",
      "uvwxyz",
    ]);
  });

  it("R-05: answers 204 where the range starts at the end or after it", async () => {
    await put(3);
    for (const range of ["bytes=26-26", "bytes=1000-2000"]) {
      const answer = await read(range);
      expect([answer.status, answer.headers.get("content-range"), await answer.text()]).toEqual([204, null, ""]);
    }
  });

  it.each(["bytes=5-", "bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", "bytes= 0-1"])(
    "R-06: answers 416 to %s",
    async (range) => {
      await put(3);
      expect((await read(range)).status).toBe(416);
    },
  );

  it("R-07: serves the whole share where no range is asked for", async () => {
    await put(3);
    const answer = await read();
    expect([answer.status, await answer.text()]).toEqual([200, SHARE]);
  });

  it("R-09: answers 404 for a share that it does not have", async () => {
    await put(3);
    for (const number of [4, 256, 999]) expect((await read("bytes=0-1", number)).status).toBe(404);
  });

  it("R-12: counts and logs corruption reports", async () => {
    const log: string[] = [];
    await grid.close();
    grid = await start({ servers: 2, log: (line) => log.push(line) });
    await put(3);
    const report = (number: number, body: Uint8Array<ArrayBuffer>) =>
      call(`/storage/v1/immutable/${SI}/${number}/corrupt`, {
        method: "POST",
        headers: { "Content-Type": "application/cbor" },
        body,
      }).then(({ status }) => status);
    expect(await report(3, encodeMessage({ reason: "block 7\u001b[31m" }))).toBe(200);
    expect(await report(4, encodeMessage({ reason: "block 7" }))).toBe(404);
    expect(await report(3, encodeMessage({ reason: "" }))).toBe(400);
    expect(await report(3, encodeMessage({ reason: "x".repeat(40_000) }))).toBe(413);
    expect(await report(3, new Uint8Array([1, 2, 3]))).toBe(400);
    expect(grid.status()[0]?.counters.corruptionReports).toBe(1);
    expect(log.at(-1)).toContain(`share 3 of ${SI} was reported corrupt: block 7?[31m`);
  });

  it("R-13: tells its version under byte-string keys", async () => {
    const answer = await hexOf(await call("/storage/v1/version", { headers: { Accept: "application/cbor" } }));
    // A map of two whose first key is the byte string (0x53) "application-version".
    expect(answer.slice(0, 4)).toBe("a253");
  });

  it("answers 406 to a client that does not accept CBOR, as real servers do", async () => {
    expect((await call(`/storage/v1/immutable/${SI}/shares`, { headers: { Accept: "*/*" } })).status).toBe(406);
  });
});

describe("writing", () => {
  it("shows a share only when it is complete, and then never takes it again", async () => {
    expect(await allotment(await allocate([3, 5]))).toEqual([[3, 5], []]);
    const half = await write(3, 0, SHARE.slice(0, 10));
    expect([half.status, decode(new Uint8Array(await half.arrayBuffer()))]).toEqual([
      200,
      { required: [{ begin: 10, end: 26 }] },
    ]);
    expect(await list()).toBe("d9010280");
    expect((await write(3, 10, SHARE.slice(10))).status).toBe(201);
    expect(await list()).toBe("d901028103");
    expect(await (await read("bytes=0-25")).text()).toBe(SHARE);
    expect(await allotment(await allocate([3, 5]))).toEqual([[5], [3]]);
  });

  it("keeps an upload's shares from other uploads", async () => {
    await allocate([3]);
    const others = ALL_SECRETS.replaceAll(SECRET, OTHER_SECRET);
    expect(await allotment(await allocate([3], others))).toEqual([[], []]);
    expect((await write(3, 0, SHARE, OTHER_SECRET)).status).toBe(401);
    expect((await write(3, 0, SHARE)).status).toBe(201);
  });

  it("takes the same bytes twice, and other ones not", async () => {
    await allocate([3]);
    expect((await write(3, 0, "abc")).status).toBe(200);
    expect((await write(3, 1, "bcd")).status).toBe(200);
    expect((await write(3, 0, "abx")).status).toBe(409);
  });

  it("forgets a share that is given up", async () => {
    await allocate([3]);
    const abort = (secret: string) =>
      call(`/storage/v1/immutable/${SI}/3/abort`, {
        method: "PUT",
        headers: { "X-Tahoe-Authorization": `upload-secret ${secret}` },
      }).then(({ status }) => status);
    expect(await abort(OTHER_SECRET)).toBe(405);
    expect(await abort(SECRET)).toBe(200);
    expect((await write(3, 0, "abc")).status).toBe(404);
    expect(await allotment(await allocate([3], ALL_SECRETS.replaceAll(SECRET, OTHER_SECRET)))).toEqual([[3], []]);
  });

  it("does nothing for a client that does not accept the answer", async () => {
    const json = { Accept: "application/json" };
    expect((await allocate([3], ALL_SECRETS, SHARE.length, json)).status).toBe(406);
    expect((await write(3, 0, SHARE)).status).toBe(404);
    await allocate([3]);
    expect((await write(3, 0, SHARE, SECRET, json)).status).toBe(406);
    expect(await list()).toBe("d9010280");
  });

  it.each([{ Origin: "https://evil.example" }, { Origin: "http://127.0.0.1.evil.example" }, { Origin: "null" }])(
    "does nothing for a page from elsewhere: %j",
    async (from) => {
      await put(2);
      const refused = [
        await allocate([3], ALL_SECRETS, SHARE.length, from),
        await write(2, 0, SHARE, SECRET, from),
        await call(`/storage/v1/immutable/${SI}/2/corrupt`, {
          method: "POST",
          headers: { "Content-Type": "application/cbor", ...from },
          body: encodeMessage({ reason: "block 7" }),
        }),
      ];
      expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
      expect((await write(3, 0, SHARE)).status).toBe(404);
      expect(grid.status()[0]?.counters.corruptionReports).toBe(0);
      const other = await call(`/storage/v1/immutable/${SI}/2`, { headers: { ...from, Range: "bytes=0-1" } });
      expect(other.status).toBe(206);
    },
  );

  it("does nothing for a page that reaches loopback by a name of its own", async () => {
    const { hostname, port } = new URL(grid.addresses[0]!.url);
    const statuses: (number | undefined)[] = [];
    for (const host of ["evil.example", "localhost"]) {
      const headers = { Host: `${host}:${port}`, "X-Tahoe-Authorization": `upload-secret ${SECRET}` };
      const options = { hostname, port, method: "PUT", path: `/storage/v1/immutable/${SI}/3/abort`, headers };
      const [answer] = (await once(request(options).end(), "response")) as [IncomingMessage];
      answer.resume();
      statuses.push(answer.statusCode);
    }
    // No such upload is under way.
    expect(statuses).toEqual([403, 405]);
  });

  it("takes what a page on loopback writes", async () => {
    expect((await allocate([3], ALL_SECRETS, SHARE.length, { Origin: "http://localhost:8080" })).status).toBe(200);
  });

  it("refuses requests that the protocol does not have", async () => {
    expect((await allocate([3], secrets("upload-secret"))).status).toBe(400);
    expect((await allocate([3], ALL_SECRETS.replace(SECRET, "c2hvcnQ="))).status).toBe(400);
    expect((await allocate([256])).status).toBe(400);
    expect((await allocate([3], ALL_SECRETS, 0)).status).toBe(400);
    expect((await write(3, 0, "abc")).status).toBe(404);
    await allocate([3]);
    expect((await write(3, 25, "zz")).status).toBe(416);
    expect((await call(`/storage/v1/immutable/${SI}/3`, { method: "DELETE" })).status).toBe(405);
  });
});

describe("across restarts", () => {
  it("keeps shares, identities and ports, and drops what was incomplete", async () => {
    await put(3);
    await allocate([4]);
    await write(4, 0, "abc");
    const before = grid.addresses;
    const { controlUrl } = grid;
    await grid.close();
    grid = await start({ servers: 3 });
    expect(grid.addresses.slice(0, 2)).toEqual(before);
    expect(grid.controlUrl).toBe(controlUrl);
    expect(grid.addresses).toHaveLength(3);
    expect(await list()).toBe("d901028103");
    expect((await write(4, 3, "def")).status).toBe(404);
  });

  it("takes another port where one is taken, and says so", async () => {
    const { port } = new URL(grid.addresses[1]!.url);
    await grid.close();
    const squatter = createServer().listen(Number(port), "127.0.0.1");
    const log: string[] = [];
    grid = await start({ servers: 2, log: (line) => log.push(line) });
    expect((await call("/storage/v1/version", {}, 1)).status).toBe(406);
    expect(new URL(grid.addresses[1]!.url).port).not.toBe(port);
    expect(log).toEqual([expect.stringContaining(`Port ${port} of server-1 is taken`)]);
    squatter.close();
  });

  it("does not touch a folder with somebody else's state file", async () => {
    await grid.close();
    await writeFile(join(folder, "grid-state.json"), "[]");
    await expect(start({})).rejects.toMatchObject({ code: "BAD_CONFIG" });
  });
});

it("listens on loopback only", async () => {
  // All of 127.0.0.0/8 leads here: whoever listens at every address answers at this one too.
  for (const { url } of [...grid.addresses, { url: grid.controlUrl }]) {
    const elsewhere = fetch(url.replace("127.0.0.1", "127.0.0.2"));
    await expect(elsewhere).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  }
});

it("lets pages of any origin read", async () => {
  await put(3);
  const preflight = await read(undefined, 3, { method: "OPTIONS" });
  expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
  expect(allowed).toEqual(expect.arrayContaining(["authorization", "range", "content-type"]));
  expect(Number(preflight.headers.get("access-control-max-age"))).toBeGreaterThan(600);
  for (const answer of [await read("bytes=0-1"), await read("bytes=5-"), await read("bytes=0-1", 4)]) {
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-expose-headers")).toBe("Content-Range");
  }
});

it("tells clients its addresses in a static server list and in grid.json", async () => {
  const announced = grid.addresses.map(({ id, nickname, url }) => [id, { ann: { nickname, "gridfetch-url": url } }]);
  expect(JSON.parse(await readFile(grid.serversFile, "utf8"))).toEqual({ storage: Object.fromEntries(announced) });
  const entries = grid.addresses.map(({ id, nickname, url }) => ({ id, nickname, addresses: [{ url }] }));
  expect(JSON.parse(await readFile(grid.configFile, "utf8"))).toEqual({ servers: entries });
});
