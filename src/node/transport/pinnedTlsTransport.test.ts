import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isGridError } from "../../base/GridError.ts";
import { HttpStorageClient } from "../../servers/HttpStorageClient.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { type Nurl, parseNurl } from "../../servers/parseNurl.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { ShareFolder } from "../grid/ShareFolder.ts";
import { pinnedTlsTransport } from "./pinnedTlsTransport.ts";
import { tlsIdOf } from "./tlsIdOf.ts";

const SI = "hdis5iaveku6lnlaiccydyid7q";
const never = new AbortController().signal;
const share = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);

let folder = "";
let grid: DevelopmentGrid;
let nurl: Nurl;
const closers: (() => void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-tls-"));
  const shares = await ShareFolder.open(join(folder, "server-0"));
  await shares.allocate(SI, [3], share.length, "secret");
  await shares.write(SI, 3, "secret", 0, share);
  grid = await startDevelopmentGrid({ folder, servers: 1, https: true });
  nurl = parseNurl(grid.addresses[0]!.nurl!);
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await grid.close();
  await rm(folder, { recursive: true });
});

function clientOf(target: Nurl, transport: HttpTransport = pinnedTlsTransport(target, "oak")): HttpStorageClient {
  return new HttpStorageClient(transport, "oak", target.swissnum);
}

async function read(client: HttpStorageClient, offset: number, length: number, signal = never): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of client.readShare(SI, 3, offset, length, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A way to the grid's server that counts the connections through it and what clients send. */
async function observedWay(): Promise<{ port: number; connections: Set<Socket>; total: () => number }> {
  const connections = new Set<Socket>();
  let total = 0;
  const server = createServer((socket) => {
    total++;
    connections.add(socket);
    const onward = connect(nurl.port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on("error", () => undefined);
    socket.on("close", () => {
      connections.delete(socket);
      onward.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections, total: () => total };
}

describe("the pin", () => {
  it("reads from the server whose key it is", async () => {
    const client = clientOf(nurl);
    expect(await client.listShares(SI, never)).toEqual([3]);
    expect((await read(client, 1000, 200_000)).equals(share.subarray(1000, 201_000))).toBe(true);
    // Three requests, one after the other, on connections that are kept.
    await client.reportCorruption(SI, 3, "block 7", never);
    expect(grid.status()[0]!.counters).toMatchObject({ requests: 3, corruptionReports: 1 });
  });

  it("R-10: the server refuses another swissnum", async () => {
    const refused = clientOf({ ...nurl, swissnum: "wrong" }).listShares(SI, never);
    await expect(refused).rejects.toMatchObject({ details: { status: 401 } });
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "over %s, sends a server with another key not one byte of the request, whatever its sessions",
    async (version) => {
      const { private: key, cert } = await generate([{ name: "commonName", value: "oak" }], {
        keyType: "rsa",
        algorithm: "sha256",
      });
      let received = "";
      let closed = 0;
      const impostor = createTlsServer({ key, cert, minVersion: version, maxVersion: version }, (socket) => {
        socket.on("data", (bytes) => {
          received += bytes;
        });
        socket.on("error", () => undefined);
      }).listen(0, "127.0.0.1");
      impostor.on("connection", (socket: Socket) => socket.on("close", () => closed++));
      await once(impostor, "listening");
      closers.push(() => impostor.close());
      const client = clientOf({ ...nurl, port: (impostor.address() as AddressInfo).port });
      for (let attempt = 0; attempt < 3; attempt++) {
        const error = await client.listShares(SI, never).catch((reason: unknown) => reason);
        expect(isGridError(error, "SERVER_UNREACHABLE") && error.details.reason).toContain(
          "not the one that its NURL names",
        );
        expect(String(error)).not.toContain(nurl.swissnum);
      }
      await until(() => closed === 3);
      expect(received).toBe("");

      // The same server under its own name hears the request: the check above can fail.
      const stop = new AbortController();
      const named = clientOf({
        ...nurl,
        port: (impostor.address() as AddressInfo).port,
        tlsId: tlsIdOf(new X509Certificate(cert)),
      });
      const asking = named.listShares(SI, stop.signal).catch(() => undefined);
      await until(() => received !== "");
      expect(received).toContain(Buffer.from(nurl.swissnum!).toString("base64"));
      stop.abort();
      await asking;
    },
  );
});

describe("connections", () => {
  it("keeps to four at once and uses them again", async () => {
    const way = await observedWay();
    const client = clientOf({ ...nurl, port: way.port });
    const reads = Array.from({ length: 24 }, (_, i) => read(client, i * 10_000, 10_000));
    for (const [i, bytes] of (await Promise.all(reads)).entries()) {
      expect(bytes.equals(share.subarray(i * 10_000, (i + 1) * 10_000))).toBe(true);
    }
    expect(way.total()).toBeGreaterThan(0);
    expect(way.total()).toBeLessThanOrEqual(4);
  });

  it("a cancelled request ends alone: its place is free, the others go on", async () => {
    const transport = pinnedTlsTransport(nurl, "oak");
    const client = clientOf(nurl, transport);
    grid.setDials(0, { bandwidth: 100_000 });
    const slow = read(client, 0, 200_000);
    const stop = new AbortController();
    const reason = new Error("enough");
    const cancelled = [read(client, 0, 200_000, stop.signal), read(client, 0, 200_000, stop.signal)];
    const settled = Promise.allSettled(cancelled);
    await until(() => grid.status()[0]!.counters.activeRequests === 3);
    stop.abort(reason);
    expect(await settled).toEqual([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    await until(() => grid.status()[0]!.counters.activeRequests === 1);
    grid.setDials(0, { bandwidth: 0 });
    expect((await slow).equals(share.subarray(0, 200_000))).toBe(true);
    expect(await Promise.all([1, 2, 3, 4, 5].map((n) => read(client, n, 1)))).toHaveLength(5);
  });

  it("a cancelled request that waits for its turn, or for its connection, rejects at once and holds nothing", async () => {
    grid.setDials(0, { hang: true });
    const client = clientOf(nurl);
    const stop = new AbortController();
    const reason = new Error("enough");
    const waiting = Array.from({ length: 6 }, () => client.listShares(SI, stop.signal));
    const settled = Promise.allSettled(waiting);
    await until(() => grid.status()[0]!.counters.activeRequests === 4);
    stop.abort(reason);
    expect(await settled).toEqual(Array(6).fill({ status: "rejected", reason }));
    grid.setDials(0, { hang: false });
    expect(await client.listShares(SI, never)).toEqual([3]);

    // A peer that takes connections and never starts TLS.
    const silent = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const mute = clientOf({ ...nurl, port: (silent.address() as AddressInfo).port });
    const patience = new AbortController();
    const asking = Promise.allSettled(Array.from({ length: 6 }, () => mute.listShares(SI, patience.signal)));
    setTimeout(() => patience.abort(reason), 50);
    expect(await asking).toEqual(Array(6).fill({ status: "rejected", reason }));
    silent.close();
  });

  it("a request may be cancelled at any moment, that of its end too", async () => {
    const client = clientOf(nurl);
    const length = 100_000;
    for (let i = 0; i < 150; i++) {
      const stop = new AbortController();
      const cancelled = (async () => {
        let received = 0;
        for await (const piece of client.readShare(SI, 3, 0, length, stop.signal)) {
          received += piece.length;
          if ((i % 3 === 0 && received === length) || (i % 3 === 1 && received > length / 2)) stop.abort();
        }
        if (i % 3 === 2) stop.abort();
      })();
      await cancelled.catch((error: unknown) => expect(error).toBe(stop.signal.reason));
    }
    expect((await read(client, 0, length)).equals(share.subarray(0, length))).toBe(true);
  });

  it("leaving a body early stops the transfer and frees the place", async () => {
    grid.setDials(0, { bandwidth: 100_000 });
    const client = clientOf(nurl);
    for (let i = 0; i < 6; i++) for await (const _ of client.readShare(SI, 3, 0, 200_000, never)) break;
    await until(() => grid.status()[0]!.counters.activeRequests === 0);
    expect(grid.status()[0]!.counters.requests).toBe(6);
  });

  it("a connection that breaks in the middle, or while it idles, is told or replaced", async () => {
    const way = await observedWay();
    const client = clientOf({ ...nurl, port: way.port });
    grid.setDials(0, { bandwidth: 100_000 });
    const reading = expect(read(client, 0, 200_000)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    await until(() => grid.status()[0]!.counters.bytesSent > 0);
    for (const socket of way.connections) socket.destroy();
    await reading;
    grid.setDials(0, { bandwidth: 0 });
    expect(await client.listShares(SI, never)).toEqual([3]);
    for (const socket of way.connections) socket.destroy();
    await until(() => way.connections.size === 0);
    expect(await client.listShares(SI, never)).toEqual([3]);
  });

  it("tells a server that is not there", async () => {
    await grid.close();
    const error = await clientOf(nurl)
      .listShares(SI, never)
      .catch((reason: unknown) => reason);
    expect(isGridError(error, "SERVER_UNREACHABLE") && error.details).toEqual({
      server: "oak",
      reason: "ECONNREFUSED",
    });
  });
});
