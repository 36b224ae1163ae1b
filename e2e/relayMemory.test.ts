import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { newTlsIdentity } from "../src/node/grid/GridFolder.ts";
import { tlsIdOf } from "../src/node/transport/tlsIdOf.ts";
import { FLAGS, FRAME_TYPES, MOST_STREAMS, writeHeader, YAMUX_PROTOCOL } from "../src/servers/yamux.ts";

// What pages, and servers, can make a relay remember. Of what was built: the relay has a process of its own, whose memory
// nothing else is in. Many connections do the same, so that what each costs stands out.

const ORIGIN = "https://app.example";
const MOST_PER_CONNECTION = 3_000_000;
const CONNECTIONS = 60;
/** Of those that carry as many streams as they may. */
const MULTIPLEXED = 20;
const FIRST = 5;
const KIB = 1024;
const MIB = 1024 * KIB;
/** What Node reads from a socket at once. */
const SLAB = 64 * KIB;
const BINARY = 2;
const CONTINUED = 0;
const PING = 9;
const PONG = 10;
/** What is left for the garbage collector counts too, and a busy machine leaves more of it: the best of three is what a connection costs. */
const MEASURED = { retry: 2 };

const program = fileURLToPath(new URL("../dist/node/gridfetch.js", import.meta.url));
let folder: string;
let server: Server;
let tlsId: string;
/** What the server does with a connection that is no TLS. */
let serve: (socket: Socket) => void;
let relay: ChildProcess;
let port: number;
let metricsPort: number;
let pages: Socket[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-memory-"));
  const { key, cert } = await newTlsIdentity();
  tlsId = tlsIdOf(new X509Certificate(cert));
  const secureContext = createSecureContext({ key, cert });
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (first) => {
      socket.pause();
      socket.unshift(first);
      // A handshake is the relay's own: the server has to prove its key. Pages say what they like here.
      if (first[0] === 0x16) new TLSSocket(socket, { isServer: true, secureContext }).on("error", () => undefined);
      else serve(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const nurl = `pb://${tlsId}@127.0.0.1:${(server.address() as AddressInfo).port}/#v=1`;
  const list = { storage: { "v0-oak": { ann: { "anonymous-storage-NURLs": [nurl] } } } };
  await writeFile(join(folder, "servers.json"), JSON.stringify(list));
});

afterAll(async () => {
  relay?.kill("SIGKILL");
  server.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  for (const page of pages) page.destroy();
  pages = [];
  relay?.kill("SIGKILL");
  const args = ["relay", "--servers", join(folder, "servers.json"), "--origin", ORIGIN, "--port", "0"];
  const options = ["--allow-private", "--metrics", "0", "--max-per-address", "2000", "--max-connections", "4000"];
  relay = spawn(process.execPath, [program, ...args, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: relay.stdout! });
  const [line] = (await once(lines, "line")) as [string];
  lines.on("line", () => undefined);
  ({ port, metrics: metricsPort } = JSON.parse(line));
});

/** A page's side, on which every byte is the test's. It says one byte, so that the server knows that it is no handshake. */
async function open(): Promise<Socket> {
  const socket = await upgrade();
  socket.write(frame(BINARY, Buffer.of(1)));
  return socket;
}

/** One that carries as many streams as a page may have, each to the server, which may send without end. */
async function openMultiplexed(): Promise<Socket> {
  const socket = await upgrade([`Sec-WebSocket-Protocol: binary, ${YAMUX_PROTOCOL}`]);
  for (let stream = 1; stream < 2 * MOST_STREAMS; stream += 2) {
    const syn = writeHeader({ type: FRAME_TYPES.WINDOW, flags: FLAGS.SYN, stream, length: 1024 * MIB });
    socket.write(frame(BINARY, Buffer.concat([syn, streamData(stream, `${tlsId}\n\x01`)])));
  }
  return socket;
}

function streamData(stream: number, payload: string | Uint8Array): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([writeHeader({ type: FRAME_TYPES.DATA, flags: 0, stream, length: bytes.length }), bytes]);
}

async function upgrade(more: readonly string[] = []): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  pages.push(socket);
  const head = [
    `GET /?token=${tlsId} HTTP/1.1`,
    "Host: relay",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    `Origin: ${ORIGIN}`,
    ...more,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

/** A masked frame, the mask being zeros. The length may say more than there is. */
function frame(opcode: number, payload: Uint8Array, { fin = true, length = payload.length } = {}): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const size =
    length < 126
      ? [0x80 | length]
      : length < 65_536
        ? [0x80 | 126, length >> 8, length & 255]
        : [0x80 | 127, 0, 0, 0, 0, (length >> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.of(first, ...size, 0, 0, 0, 0), payload]);
}

/** So many bytes of frames that all are alike. */
function repeated(bytes: number, one: Buffer): Buffer {
  return Buffer.alloc(Math.floor(bytes / one.length) * one.length, one);
}

/** In bytes. */
async function memory(): Promise<number> {
  // A connection of its own: the relay may have no time to keep one.
  const [answer] = (await once(get({ port: metricsPort, path: "/metrics", agent: false }), "response")) as [Readable];
  const text = Buffer.concat(await answer.toArray()).toString();
  return Number(/^gridfetch_relay_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
}

/** The most memory that a connection took, of many that did the same at once. */
async function costOf(act: (page: Socket) => Promise<void>, count = CONNECTIONS, openOne = open): Promise<number> {
  const before = await memory();
  const all = await Promise.all(Array.from({ length: count }, () => openOne()));
  let most = 0;
  let isDone = false;
  const acting = Promise.all(all.map(act)).then(() => {
    isDone = true;
  });
  while (!isDone) {
    most = Math.max(most, await memory());
    await Promise.race([acting, pause(100)]);
  }
  most = Math.max(most, await memory());
  return (most - before) / count;
}

/** Writes as much as is taken; what waits for more than a second is not. */
async function push(page: Socket, bytes: Buffer): Promise<void> {
  if (page.destroyed || page.write(bytes)) return;
  const stop = AbortSignal.timeout(1_000);
  await Promise.race([once(page, "drain", { signal: stop }), once(page, "close", { signal: stop })]).catch(
    () => undefined,
  );
}

const deaf = (socket: Socket) => void socket.pause();

/** As fast as it is taken. */
function flooding(socket: Socket): void {
  socket.resume();
  const block = Buffer.alloc(256 * KIB, 7);
  const more = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on("drain", more);
  more();
}

it("a message that comes byte by byte, and never ends", MEASURED, async () => {
  serve = deaf;
  const cost = await costOf(async (page) => {
    await push(page, frame(BINARY, Buffer.of(1), { length: MIB }));
    for (let sent = 0; sent < 6_000 && !page.destroyed; sent++) {
      page.write(Buffer.of(1));
      await pause(1);
    }
  }, 15);
  expect(cost).toBeLessThan(MOST_PER_CONNECTION);
});

it("many fragments of a byte each, with other frames between them", MEASURED, async () => {
  serve = deaf;
  const between = repeated(SLAB, frame(PONG, Buffer.alloc(100)));
  const cost = await costOf(async (page) => {
    for (let sent = 0; sent < 80 && !page.destroyed; sent++) {
      await push(page, Buffer.concat([frame(sent === 0 ? BINARY : CONTINUED, Buffer.of(1), { fin: false }), between]));
    }
  });
  expect(cost).toBeLessThan(MOST_PER_CONNECTION);
});

it("thousands of messages of a byte in one piece", MEASURED, async () => {
  serve = deaf;
  const many = repeated(SLAB, frame(BINARY, Buffer.alloc(1)));
  const cost = await costOf(async (page) => {
    for (let sent = 0; sent < 6; sent++) await push(page, many);
  });
  expect(cost).toBeLessThan(MOST_PER_CONNECTION);
});

it(
  "all of it at once: what may be kept of fragments, a whole message, pings, and a flooding server",
  MEASURED,
  async () => {
    serve = flooding;
    const between = repeated(SLAB, frame(PONG, Buffer.alloc(100)));
    const cost = await costOf(async (page) => {
      page.pause();
      await pause(500);
      for (let sent = 0; sent < 7; sent++) {
        const opcode = sent === 0 ? BINARY : CONTINUED;
        const ping = sent < 4 ? frame(PING, Buffer.alloc(100)) : Buffer.of();
        await push(page, Buffer.concat([frame(opcode, Buffer.of(1), { fin: false }), ping, between]));
        await pause(50);
      }
      await push(page, frame(CONTINUED, Buffer.of(1), { length: MIB - 7 }));
      for (let sent = 0; sent < MIB - 20 * KIB; sent += 16 * KIB) await push(page, Buffer.alloc(16 * KIB));
      await pause(1_000);
      expect(page.destroyed).toBe(false);
    });
    expect(cost).toBeLessThan(MOST_PER_CONNECTION);
  },
);

it(
  "as many streams as may be, whose servers flood and take nothing, to a page that floods and takes nothing",
  MEASURED,
  async () => {
    // More than a relay may keep, of all together.
    const much = Buffer.alloc(SLAB, 7);
    serve = (socket) => {
      socket.pause();
      socket.write(much);
    };
    const between = repeated(SLAB, frame(PONG, Buffer.alloc(100)));
    const pings = repeated(
      SLAB / 2,
      Buffer.from(writeHeader({ type: FRAME_TYPES.PING, flags: FLAGS.SYN, stream: 0, length: 1 })),
    );
    const act = async (page: Socket) => {
      page.pause();
      await pause(1_000);
      // A byte in each frame, which come in one message for each stream.
      for (let stream = 1; stream < 2 * MOST_STREAMS; stream += 2) {
        await push(page, frame(BINARY, repeated(32 * KIB, streamData(stream, "x"))));
      }
      for (let sent = 0; sent < 4; sent++) await push(page, frame(BINARY, pings));
      for (let sent = 0; sent < 7; sent++) {
        await push(
          page,
          Buffer.concat([frame(sent === 0 ? BINARY : CONTINUED, Buffer.of(1), { fin: false }), between]),
        );
      }
      await pause(1_000);
      expect(page.destroyed).toBe(false);
    };
    // What the first few cost stays with the process: room that its garbage collector leaves.
    await costOf(act, FIRST, openMultiplexed);
    for (const page of pages.splice(0)) page.destroy();
    const cost = await costOf(act, MULTIPLEXED, openMultiplexed);
    expect(cost).toBeLessThan(MOST_PER_CONNECTION);
  },
);
