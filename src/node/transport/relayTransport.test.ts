import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Clock, systemClock } from "../../base/Clock.ts";
import { isGridError } from "../../base/GridError.ts";
import type { Connect } from "../../servers/ByteStream.ts";
import { HttpStorageClient } from "../../servers/HttpStorageClient.ts";
import { Relays } from "../../servers/Relays.ts";
import { relayTransport } from "../../servers/relayTransport.ts";
import { socketStream } from "../../servers/socketStream.ts";
import { TlsEngine } from "../../servers/TlsEngine.ts";
import { ScriptedHttpServer } from "../../servers/testing/ScriptedHttpServer.ts";
import { tlsIdOfKey, v1Certificate } from "../../servers/testing/v1Certificate.ts";
import { ProvenServers } from "../relay/ProvenServers.ts";
import { Relay, type RelayOptions } from "../relay/Relay.ts";
import { until } from "../relay/testing/RelayStage.ts";
import { trusting } from "../relay/testing/trusting.ts";
import { loadTls } from "./loadTls.ts";
import { nodeSocketStream } from "./nodeSocketStream.ts";

const ORIGIN = "https://app.example";
const SI = "hdis5iaveku6lnlaiccydyid7q";
const SWISSNUM = "a-secret-that-lets-clients-in";
const EMPTY_SET = "\xd9\x01\x02\x80";
const never = new AbortController().signal;

const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;
const cert = `-----BEGIN CERTIFICATE-----\n${v1Certificate(key).toString("base64")}\n-----END CERTIFICATE-----\n`;
const tlsId = tlsIdOfKey(key);

/** As a browser has it: nothing is told of a refused upgrade, and nothing makes the other side wait. */
const likeABrowser: Connect = (url, signal, protocols) => {
  return socketStream(new WebSocket(url, [...protocols], { origin: ORIGIN }), systemClock, signal);
};
/** Of a relay that speaks as websockify does. */
const plainly: Connect = (url, signal) => likeABrowser(url, signal, ["binary"]);

let server: ScriptedHttpServer;
let relay: Relay | undefined;
let relayUrl = "";
let loads = 0;
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  server = new ScriptedHttpServer({ key, cert });
  server.script = (_, reply) => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 4\r\n\r\n";
    return reply.send(Buffer.from(head + EMPTY_SET, "latin1"));
  };
  await server.start();
  loads = 0;
});

afterEach(async () => {
  await server.stop();
  await relay?.close();
  relay = undefined;
  for (const close of closers.splice(0)) close();
});

async function startRelay(options: Partial<RelayOptions> = {}): Promise<void> {
  const address = { host: "127.0.0.1", port: server.port };
  relay = await Relay.start({
    servers: trusting(new Map([[tlsId, [address]]])),
    origins: [ORIGIN],
    host: "127.0.0.1",
    port: 0,
    log: () => undefined,
    ...options,
  });
  relayUrl = `ws://127.0.0.1:${relay.port}/`;
}

function clientVia({ connect = likeABrowser, clock = systemClock, id = tlsId, load = loadTls } = {}) {
  const tls = new TlsEngine(() => {
    loads++;
    return load();
  });
  const nurl = { tlsId: id, host: "127.0.0.1", port: 1 };
  const relay = new Relays(connect, clock).at(relayUrl);
  const transport = relayTransport({ relay, nurl, name: "oak", tls, clock });
  const client = new HttpStorageClient(transport, "oak", SWISSNUM);
  return { list: (signal = never) => client.listShares(SI, signal) };
}

async function whyOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(String(error)).not.toContain(SWISSNUM);
  return isGridError(error, "SERVER_UNREACHABLE") ? error.details.why : error;
}

describe("which part of the way failed", () => {
  it("the relay is not there", async () => {
    await startRelay();
    await relay?.close();
    expect(await whyOf(clientVia().list())).toBe("relay-away");
    expect(await whyOf(clientVia({ connect: nodeSocketStream(ORIGIN) }).list())).toBe("relay-away");
  });

  it("the relay refuses the origin, of which a browser is told nothing", async () => {
    await startRelay({ origins: ["https://other.example"] });
    expect(await whyOf(clientVia().list())).toBe("relay-away");
    expect(await whyOf(clientVia({ connect: nodeSocketStream(ORIGIN) }).list())).toBe("relay-origin");
  });

  it("the relay does not know the server", async () => {
    await startRelay({ servers: trusting(new Map()) });
    expect(await whyOf(clientVia().list())).toBe("relay-token");
  });

  it("the relay has too many connections", async () => {
    await startRelay({ limits: { connections: 0 } });
    expect(await whyOf(clientVia().list())).toBe("relay-busy");
  });

  it("the server is not there", async () => {
    await startRelay();
    await server.stop();
    expect(await whyOf(clientVia().list())).toBe("server-away");
  });

  it("the server has another key", async () => {
    const other = tlsId.startsWith("A") ? `B${tlsId.slice(1)}` : `A${tlsId.slice(1)}`;
    await startRelay({ servers: trusting(new Map([[other, [{ host: "127.0.0.1", port: server.port }]]])) });
    expect(await whyOf(clientVia({ id: other }).list())).toBe("wrong-key");
  });

  it("the server does not speak TLS, or not HTTP", async () => {
    const plain = new ScriptedHttpServer();
    await plain.start();
    closers.push(() => plain.stop());
    const mute = createServer((socket) => socket.end("220 mail.example ESMTP\r\n")).listen(0, "127.0.0.1");
    await once(mute, "listening");
    closers.push(() => mute.close());
    await startRelay({
      servers: trusting(new Map([[tlsId, [{ host: "127.0.0.1", port: (mute.address() as AddressInfo).port }]]])),
    });
    expect(await whyOf(clientVia().list())).toBe("not-tls");
    await relay?.close();
    await startRelay();
    server.script = (_, reply) => reply.send("220 mail.example ESMTP\r\n");
    expect(await whyOf(clientVia().list())).toBe("not-http");
  });

  it("the connection breaks off", async () => {
    await startRelay();
    server.script = (_, reply) => reply.destroy();
    expect(await whyOf(clientVia().list())).toBe("broke-off");
  });

  it("the TLS module cannot be had, until it can", async () => {
    await startRelay();
    let isThere = false;
    const client = clientVia({ load: async () => (isThere ? loadTls() : Promise.reject(new Error("HTTP 404"))) });
    expect(await whyOf(client.list())).toBe("no-module");
    isThere = true;
    expect(await client.list()).toEqual([]);
  });
});

describe("connections", () => {
  it("the TLS module is loaded with the first request, once", async () => {
    await startRelay();
    const client = clientVia();
    expect(loads).toBe(0);
    await Promise.all([client.list(), client.list(), client.list()]);
    expect(loads).toBe(1);
  });

  it("a relay that restarts is a failure of what is under way, and of nothing else", async () => {
    await startRelay();
    const { port } = relay!;
    const client = clientVia();
    await Promise.all([client.list(), client.list()]);
    await relay!.close();
    await startRelay({ port });
    expect(await client.list()).toEqual([]);
    const { script } = server;
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    server.script = () => isAsked();
    // The server holds its answer back, and so the request could only be sent twice.
    const hanging = client.list();
    await asked;
    server.script = script;
    await relay!.close();
    await startRelay({ port });
    await hanging.then(
      (shares) => expect(shares).toEqual([]),
      (error: unknown) => expect(error).toMatchObject({ code: "SERVER_UNREACHABLE" }),
    );
    expect(await client.list()).toEqual([]);
  });

  it("one that has idled for longer than servers allow is not used again", async () => {
    await startRelay();
    let now = 0;
    const clock: Clock = { after: (ms, ring) => systemClock.after(ms, ring), now: () => now, wallNow: () => now };
    const client = clientVia({ connect: plainly, clock });
    await client.list();
    now += 40_000;
    await client.list();
    expect(server.connections).toBe(1);
    now += 50_000;
    await client.list();
    expect(server.connections).toBe(2);
  });

  it("a small request does not wait for a connection of its own, which a far relay and TLS take long to make", async () => {
    await startRelay();
    let connects = 0;
    const slow: Connect = async (url, signal) => {
      if (++connects > 1) return new Promise(() => undefined);
      return plainly(url, signal, []);
    };
    const client = clientVia({ connect: slow });
    await client.list();
    expect(await Promise.all([client.list(), client.list(), client.list()])).toEqual([[], [], []]);
    expect([connects, server.connections]).toEqual([3, 1]);
  });

  it("what goes through the relay shows neither requests nor replies", async () => {
    await startRelay();
    const seen: Buffer[] = [];
    const spied: Connect = async (url, signal, protocols) => {
      const stream = await likeABrowser(url, signal, protocols);
      return {
        protocol: stream.protocol,
        async read() {
          const bytes = await stream.read();
          if (bytes !== undefined) seen.push(Buffer.from(bytes));
          return bytes;
        },
        write(bytes) {
          seen.push(Buffer.from(bytes));
          return stream.write(bytes);
        },
        rest: (isResting) => stream.rest(isResting),
        close: () => stream.close(),
      };
    };
    expect(await clientVia({ connect: spied }).list()).toEqual([]);
    const all = Buffer.concat(seen).toString("latin1");
    expect(all.length).toBeGreaterThan(1000);
    for (const word of [SWISSNUM, Buffer.from(SWISSNUM).toString("base64"), SI, "GET ", "HTTP/1.1", "127.0.0.1"]) {
      expect(all).not.toContain(word);
    }
  });
});

describe("a read that is cancelled", () => {
  const reason = new Error("enough");
  const openings = (open = plainly) => {
    let sockets = 0;
    const connect: Connect = (url, signal, protocols) => {
      sockets++;
      return open(url, signal, protocols);
    };
    const transport = relayTransport({
      relay: new Relays(connect, systemClock).at(relayUrl),
      nurl: { tlsId, host: "127.0.0.1", port: 1 },
      name: "oak",
      tls: new TlsEngine(loadTls),
      clock: systemClock,
    });
    const read = (length: number, signal = never) =>
      transport.request({ method: "GET", path: "/x", headers: { Range: `bytes=0-${length - 1}` }, signal });
    return { read, sockets: () => sockets };
  };
  /** A server that sends the first half of what is asked for, and the rest when it is told to. */
  const halves = () => {
    let go = () => {};
    const isTold = new Promise<void>((resolve) => {
      go = resolve;
    });
    server.script = async (request, reply) => {
      const length = Number(/-(\d+)$/.exec(request.header("range") ?? "")?.[1]) + 1;
      const half = new Uint8Array(length / 2);
      await reply.send(`HTTP/1.1 206 Partial\r\nContent-Length: ${length}\r\n\r\n`);
      await reply.send(half);
      await isTold;
      await reply.send(half);
    };
    return () => go();
  };

  it("leaves its connection to the next: a seek makes no WebSocket and no TLS handshake", async () => {
    await startRelay();
    const { read, sockets } = openings();
    const go = halves();
    const stop = new AbortController();
    const body = (await read(200_000, stop.signal)).body[Symbol.asyncIterator]();
    await body.next();
    const next = body.next();
    stop.abort(reason);
    await expect(next).rejects.toBe(reason);
    const seek = read(1_000);
    go();
    let length = 0;
    for await (const piece of (await seek).body) length += piece.length;
    expect(length).toBe(1_000);
    expect([sockets(), server.connections]).toEqual([1, 1]);
  });

  it("does so before its head has come, too", async () => {
    await startRelay();
    const { read, sockets } = openings();
    let go = () => {};
    let hasAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      hasAsked = resolve;
    });
    server.script = async (_, reply) => {
      hasAsked();
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      await reply.send("HTTP/1.1 206 Partial\r\nContent-Length: 3\r\n\r\nabc");
    };
    const stop = new AbortController();
    const left = read(3, stop.signal);
    await asked;
    stop.abort(reason);
    await expect(left).rejects.toBe(reason);
    server.script = (_, reply) => reply.send("HTTP/1.1 206 Partial\r\nContent-Length: 3\r\n\r\ndef");
    const seek = read(3);
    go();
    let text = "";
    for await (const piece of (await seek).body) text += Buffer.from(piece).toString();
    expect(text).toBe("def");
    expect([sockets(), server.connections]).toEqual([1, 1]);
  });

  it("whose rest is long ends at once, alone: what others share stays", async () => {
    await startRelay();
    const { read, sockets } = openings(likeABrowser);
    const go = halves();
    const stop = new AbortController();
    const [left, kept] = [await read(2_000_000, stop.signal), await read(200_000)];
    const leaving = left.body[Symbol.asyncIterator]();
    await leaving.next();
    const until = async (open: number) => {
      while (server.openConnections !== open) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    // The third is one opened ahead.
    await until(3);
    stop.abort(reason);
    await until(2);
    go();
    let length = 0;
    for await (const piece of kept.body) length += piece.length;
    expect(length).toBe(200_000);
    expect(sockets()).toBe(1);
  });
});

describe("a relay that carries all", () => {
  it("fails all that is under way when it dies, as a server that breaks off, and serves what comes after it", async () => {
    await startRelay();
    const { port } = relay!;
    const client = clientVia();
    server.script = () => undefined;
    const hanging = [1, 2, 3].map(() => whyOf(client.list()));
    // The fourth is one opened ahead.
    while (server.openConnections < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([relay!.connections, relay!.streams]).toEqual([1, 4]);
    await relay!.close();
    expect(await Promise.all(hanging)).toEqual(["broke-off", "broke-off", "broke-off"]);
    await startRelay({ port });
    server.script = (_, reply) => {
      const head = "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 4\r\n\r\n";
      return reply.send(Buffer.from(head + EMPTY_SET, "latin1"));
    };
    expect(await client.list()).toEqual([]);
  });
});

describe("a relay's messages", () => {
  const startHostile = async (talk: (socket: WebSocket) => void) => {
    const hostile = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    await once(hostile, "listening");
    hostile.on("connection", (socket) => {
      socket.on("error", () => undefined);
      talk(socket);
    });
    closers.push(() => {
      for (const socket of hostile.clients) socket.terminate();
      hostile.close();
    });
    relayUrl = `ws://127.0.0.1:${(hostile.address() as AddressInfo).port}/`;
  };

  it("text is refused", async () => {
    await startHostile((socket) => socket.send("hello"));
    expect(await whyOf(clientVia().list())).toBe("broke-off");
  });

  it("a flood that was not asked for is cut off, and so are messages of no bytes ignored", async () => {
    let closed = 0;
    await startHostile((socket) => {
      socket.on("close", () => closed++);
      for (let i = 0; i < 100; i++) socket.send(new Uint8Array(0));
      for (let i = 0; i < 40; i++) socket.send(new Uint8Array(1024 * 1024));
    });
    const stream = await likeABrowser(relayUrl, never, []);
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(
      (async () => {
        for (;;) await stream.read();
      })(),
    ).rejects.toMatchObject({ why: "broke-off", message: "far more came than was asked for" });
  });

  it("a relay that accepts and says nothing is waited for only as long as the caller wants", async () => {
    await startHostile(() => undefined);
    const reason = new Error("enough");
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 50);
    await expect(clientVia().list(stop.signal)).rejects.toBe(reason);
    // The same before the WebSocket is there.
    const mute = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(mute, "listening");
    closers.push(() => mute.close());
    relayUrl = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}/`;
    const second = new AbortController();
    setTimeout(() => second.abort(reason), 50);
    await expect(clientVia().list(second.signal)).rejects.toBe(reason);
  });
});

it("a relay tells which of its servers have not proven their keys to it", async () => {
  const silent = `A${tlsId.slice(1)}`;
  const lists = new Map([
    [tlsId, [{ host: "127.0.0.1", port: server.port }]],
    [silent, [{ host: "127.0.0.1", port: 9 }]],
  ]);
  const servers = new ProvenServers(lists, { allowPrivate: true, connect: 5_000, log: () => undefined });
  closers.push(() => servers.close());
  await servers.proveAll();
  await startRelay({ servers });
  const shared = new Relays(likeABrowser, systemClock).at(relayUrl);
  await shared.warm(tlsId);
  await until(() => shared.isAway(silent));
  expect(shared.isAway(tlsId)).toBe(false);
});
