import { describe, expect, it, vi } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { HttpStorageClient } from "./HttpStorageClient.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";

const SI = "hdis5iaveku6lnlaiccydyid7q";
const signal = new AbortController().signal;

interface Script {
  status?: number;
  headers?: Record<string, string>;
  body?: Uint8Array[];
}

/** A server that gives one scripted reply and remembers what it was asked and whether its body was stopped. */
class ScriptedServer implements HttpTransport {
  readonly requests: HttpRequest[] = [];
  stopped = false;
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
  }

  async request(request: HttpRequest): Promise<HttpReply> {
    this.requests.push(request);
    const { status = 200, headers = {}, body = [] } = this.#script;
    const pieces = [...body];
    const iterator: AsyncIterator<Uint8Array> = {
      next: async () =>
        pieces.length > 0 ? { done: false, value: pieces.shift()! } : { done: true, value: undefined },
      return: async () => {
        this.stopped = true;
        return { done: true, value: undefined };
      },
    };
    return { status, header: (name) => headers[name], body: { [Symbol.asyncIterator]: () => iterator } };
  }

  client(swissnum?: string): HttpStorageClient {
    return new HttpStorageClient(this, "oak", swissnum);
  }
}

const cbor = { "content-type": "application/cbor" };
const bytesOf = (...values: number[]) => Uint8Array.from(values);

function listing(...bytes: number[]): ScriptedServer {
  return new ScriptedServer({ headers: cbor, body: [Uint8Array.from(bytes)] });
}

function part(contentRange: string, ...body: Uint8Array[]): ScriptedServer {
  const headers = { "content-type": "application/octet-stream", "content-range": contentRange };
  return new ScriptedServer({ status: 206, headers, body });
}

async function read(server: ScriptedServer, offset: number, length: number): Promise<number[]> {
  const received: number[] = [];
  for await (const piece of server.client().readShare(SI, 3, offset, length, signal)) received.push(...piece);
  return received;
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string; status?: number }> {
  try {
    await work;
  } catch (error) {
    if (!isGridError(error)) throw error;
    return {
      code: error.code,
      message: error.message,
      ...("status" in error.details && { status: error.details.status }),
    };
  }
  throw new Error("it was accepted");
}

describe("listShares", () => {
  it("R-01: reads a tagged set of share numbers", async () => {
    const server = listing(0xd9, 0x01, 0x02, 0x82, 0x01, 0x03);
    expect(await server.client().listShares(SI, signal)).toEqual([1, 3]);
    expect(server.requests[0]).toMatchObject({ method: "GET", path: `/storage/v1/immutable/${SI}/shares` });
    expect(server.requests[0]?.headers).toEqual({ Accept: "application/cbor" });
  });

  it("R-01: an empty set means no share", async () => {
    expect(await listing(0xd9, 0x01, 0x02, 0x80).client().listShares(SI, signal)).toEqual([]);
  });

  it("R-10: sends the swissnum in base64", async () => {
    const server = listing(0xd9, 0x01, 0x02, 0x80);
    await server.client("open sesame").listShares(SI, signal);
    expect(server.requests[0]?.headers.Authorization).toBe("Tahoe-LAFS b3BlbiBzZXNhbWU=");
  });

  it("R-10: an error never repeats the swissnum", async () => {
    const { message, status } = await failure(
      new ScriptedServer({ status: 401 }).client("sesame").listShares(SI, signal),
    );
    expect(status).toBe(401);
    expect(message).toContain("oak");
    expect(message).not.toMatch(/sesame|c2VzYW1l/);
  });

  it("B-18: sorts, drops doubles and numbers that no share can have", async () => {
    const server = listing(0xd9, 0x01, 0x02, 0x85, 0x18, 0xff, 0x02, 0x19, 0x01, 0x00, 0x00, 0x02);
    expect(await server.client().listShares(SI, signal)).toEqual([0, 2, 255]);
  });

  it.each([
    ["a plain array", [0x82, 0x01, 0x03]],
    ["another tag", [0xd9, 0x01, 0x03, 0x80]],
    ["a text in the set", [0xd9, 0x01, 0x02, 0x81, 0x61, 0x61]],
    ["a negative number", [0xd9, 0x01, 0x02, 0x81, 0x20]],
    ["a fraction", [0xd9, 0x01, 0x02, 0x81, 0xf9, 0x3e, 0x00]],
    ["a number beyond 2^53", [0xd9, 0x01, 0x02, 0x81, 0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0]],
    ["a set in the set", [0xd9, 0x01, 0x02, 0x81, 0xd9, 0x01, 0x02, 0x80]],
    ["an open-ended array", [0xd9, 0x01, 0x02, 0x9f, 0x01, 0xff]],
    ["bytes after the set", [0xd9, 0x01, 0x02, 0x80, 0x00]],
    ["a length that is not there", [0xd9, 0x01, 0x02, 0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ["nothing at all", []],
    ["nesting without end", Array.from({ length: 60_000 }, () => 0x81)],
  ])("R-17: refuses %s", async (_, bytes) => {
    expect(
      (
        await failure(
          listing(...bytes)
            .client()
            .listShares(SI, signal),
        )
      ).code,
    ).toBe("SERVER_REFUSED");
  });

  it("R-15: stops a message that does not end", async () => {
    const server = new ScriptedServer({
      headers: cbor,
      body: Array.from({ length: 9 }, () => new Uint8Array(8 * 1024)),
    });
    expect((await failure(server.client().listShares(SI, signal))).message).toContain("65536");
    expect(server.stopped).toBe(true);
  });

  it("R-16: refuses another content type without reading it", async () => {
    const server = new ScriptedServer({
      headers: { "content-type": "text/html" },
      body: [bytesOf(0xd9, 0x01, 0x02, 0x80)],
    });
    expect((await failure(server.client().listShares(SI, signal))).message).toContain("text/html");
    expect(server.stopped).toBe(true);
  });

  it("R-16: accepts parameters of the content type", async () => {
    const headers = { "content-type": "Application/CBOR; charset=binary" };
    const server = new ScriptedServer({ headers, body: [bytesOf(0xd9, 0x01, 0x02, 0x80)] });
    expect(await server.client().listShares(SI, signal)).toEqual([]);
  });

  it.each([204, 206, 301, 404, 406, 500, 503])("B-11: refuses status %i", async (status) => {
    const server = new ScriptedServer({ status, headers: cbor, body: [bytesOf(0xd9, 0x01, 0x02, 0x80)] });
    expect(await failure(server.client().listShares(SI, signal))).toMatchObject({ code: "SERVER_REFUSED", status });
    expect(server.stopped).toBe(true);
  });
});

describe("a cache before the server", () => {
  it.each([
    [{ "cache-status": "gridfetch; fwd=bypass" }, true],
    [{ "cache-status": "gridfetch; hit" }, true],
    [{}, false],
  ])("shows in the answers' headers: %j", async (headers, isCached) => {
    const client = new ScriptedServer({ headers: { ...cbor, ...headers }, body: [bytesOf(0x80)] }).client();
    expect(client.isCached).toBe(false);
    await client.listShares(SI, signal).catch(() => {});
    expect(client.isCached).toBe(isCached);
  });

  it.each([
    ["gridfetch; hit", true],
    ["gridfetch; fwd=uri-miss, edge;hit;ttl=30", true],
    ["gridfetch; fwd=uri-miss", false],
    ["hit; fwd=stale", false],
    [undefined, false],
  ])("tells of a part of a share that it had: %s", async (status, isHit) => {
    const headers = {
      "content-type": "application/octet-stream",
      "content-range": "bytes 0-1/*",
      ...(status && { "cache-status": status }),
    };
    const client = new ScriptedServer({ status: 206, headers, body: [bytesOf(1, 2)] }).client();
    const onHit = vi.fn();
    for await (const _ of client.readShare(SI, 3, 0, 2, signal, onHit));
    expect(onHit).toHaveBeenCalledTimes(isHit ? 1 : 0);
  });
});

describe("readShare", () => {
  it("R-03: asks for one closed range and passes the pieces on", async () => {
    const server = part("bytes 7-11/*", bytesOf(1, 2), bytesOf(), bytesOf(3, 4, 5));
    expect(await read(server, 7, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(server.requests[0]).toMatchObject({ method: "GET", path: `/storage/v1/immutable/${SI}/3` });
    expect(server.requests[0]?.headers.Range).toBe("bytes=7-11");
  });

  it("R-03: keeps offsets beyond 2^32 exact", async () => {
    const offset = 2 ** 40 + 1;
    const server = part(`bytes ${offset}-${offset}/*`, bytesOf(9));
    expect(await read(server, offset, 1)).toEqual([9]);
    expect(server.requests[0]?.headers.Range).toBe("bytes=1099511627777-1099511627777");
  });

  it("R-04: takes fewer bytes where the share ends", async () => {
    expect(await read(part("bytes 20-25/*", bytesOf(0, 1, 2, 3, 4, 5)), 20, 81)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("R-05, E-07: takes 204 as nothing to read", async () => {
    expect(await read(new ScriptedServer({ status: 204 }), 30, 10)).toEqual([]);
  });

  it("R-11: asks nothing for no bytes", async () => {
    const server = part("bytes 0-0/*", bytesOf(1));
    expect(await read(server, 5, 0)).toEqual([]);
    expect(server.requests).toEqual([]);
  });

  it.each([
    ["a later start", "bytes 8-11/*"],
    ["an earlier start", "bytes 6-11/*"],
    ["a later end", "bytes 7-12/*"],
    ["a reversed range", "bytes 7-6/*"],
    ["another unit", "items 7-11/*"],
    ["no end", "bytes 7-/*"],
    ["no range", "bytes */12"],
    ["several ranges", "bytes 7-8,9-11/*"],
    ["no total", "bytes 7-11"],
  ])("R-08, E-08: refuses a Content-Range with %s", async (_, contentRange) => {
    const server = part(contentRange, bytesOf(1, 2, 3, 4, 5));
    expect((await failure(read(server, 7, 5))).code).toBe("SERVER_REFUSED");
    expect(server.stopped).toBe(true);
  });

  it("R-08: says what to do where Content-Range is missing", async () => {
    const server = new ScriptedServer({ status: 206, headers: { "content-type": "application/octet-stream" } });
    expect((await failure(read(server, 7, 5))).message).toMatch(/Content-Range.*CORS.*exposed/);
  });

  it("E-08: refuses more bytes than announced, and stops them", async () => {
    const server = part("bytes 7-11/*", bytesOf(1, 2, 3), bytesOf(4, 5, 6), bytesOf(7));
    expect((await failure(read(server, 7, 5))).message).toContain("more than the 5 bytes");
    expect(server.stopped).toBe(true);
  });

  it("E-09, R-20: refuses fewer bytes than announced", async () => {
    expect((await failure(read(part("bytes 7-11/*", bytesOf(1, 2, 3)), 7, 5))).message).toContain("3 of the 5 bytes");
  });

  it("refuses a body with 204", async () => {
    expect((await failure(read(new ScriptedServer({ status: 204, body: [bytesOf(1)] }), 7, 5))).code).toBe(
      "SERVER_REFUSED",
    );
  });

  it("R-08: refuses another content type", async () => {
    const headers = { "content-type": "text/plain", "content-range": "bytes 7-11/*" };
    expect((await failure(read(new ScriptedServer({ status: 206, headers }), 7, 5))).message).toContain("text/plain");
  });

  it.each([200, 201, 302, 401, 404, 416, 500])("R-09, R-19: refuses status %i", async (status) => {
    const headers = { "content-type": "application/octet-stream", "content-range": "bytes 7-11/*" };
    const server = new ScriptedServer({ status, headers, body: [bytesOf(1, 2, 3, 4, 5)] });
    expect(await failure(read(server, 7, 5))).toMatchObject({ code: "SERVER_REFUSED", status });
    expect(server.stopped).toBe(true);
  });

  it("stops the transfer when the reader leaves", async () => {
    const server = part("bytes 7-11/*", bytesOf(1, 2), bytesOf(3, 4, 5));
    for await (const _ of server.client().readShare(SI, 3, 7, 5, signal)) break;
    expect(server.stopped).toBe(true);
  });

  it.each([
    [-1, 5],
    [0.5, 5],
    [5, -1],
    [2 ** 53 - 1, 2],
  ])("refuses offset %d with length %d before it asks", async (offset, length) => {
    const server = part("bytes 0-0/*");
    expect((await failure(read(server, offset, length))).code).toBe("BAD_RANGE");
    expect(server.requests).toEqual([]);
  });
});

describe("reportCorruption", () => {
  it("R-12: sends the reason as CBOR", async () => {
    const server = new ScriptedServer({});
    await server.client().reportCorruption(SI, 3, "hash", signal);
    expect(server.requests[0]).toMatchObject({ method: "POST", path: `/storage/v1/immutable/${SI}/3/corrupt` });
    expect(server.requests[0]?.headers["Content-Type"]).toBe("application/cbor");
    const expected = [0xa1, 0x66, ...new TextEncoder().encode("reason"), 0x64, ...new TextEncoder().encode("hash")];
    expect([...(server.requests[0]?.body ?? [])]).toEqual(expected);
  });

  it("R-12: a server that lost the share is no error, another refusal is", async () => {
    await new ScriptedServer({ status: 404 }).client().reportCorruption(SI, 3, "hash", signal);
    const refusal = await failure(new ScriptedServer({ status: 413 }).client().reportCorruption(SI, 3, "hash", signal));
    expect(refusal.status).toBe(413);
  });

  it.each([0, 32766])("R-12: never sends a reason of %i characters", async (length) => {
    const server = new ScriptedServer({});
    expect((await failure(server.client().reportCorruption(SI, 3, "x".repeat(length), signal))).code).toBe("INTERNAL");
    expect(server.requests).toEqual([]);
  });
});
