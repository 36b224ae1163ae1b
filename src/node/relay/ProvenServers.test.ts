import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { newTlsIdentity, type TlsIdentity } from "../grid/GridFolder.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";
import { ProvenServers, type ProvenServersOptions } from "./ProvenServers.ts";
import { until } from "./testing/RelayStage.ts";

const never = new AbortController().signal;
let identity: TlsIdentity;
let tlsId: string;
let oak: TlsServer;
let proven: ProvenServers;
let log: { event: string; why?: unknown }[];
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  identity = await newTlsIdentity();
  tlsId = tlsIdOf(new X509Certificate(identity.cert));
});

beforeEach(async () => {
  log = [];
  oak = await TlsServer.start(identity);
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Tells handshakes, which are the relay's own, from what comes without one: a stranger's bytes. */
class TlsServer {
  handshakes = 0;
  strangers = 0;
  readonly port: number;

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(identity: TlsIdentity, host = "127.0.0.1", port = 0): Promise<TlsServer> {
    const secureContext = createSecureContext(identity);
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      socket.once("data", (first) => {
        if (first[0] !== 0x16) {
          started.strangers++;
          return;
        }
        started.handshakes++;
        socket.pause();
        socket.unshift(first);
        new TLSSocket(socket, { isServer: true, secureContext }).on("error", () => undefined);
      });
    });
    server.listen(port, host);
    await once(server, "listening");
    const started = new TlsServer(server);
    started.stop = () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    closers.push(() => started.stop());
    return started;
  }

  stop(): void {}
}

function servers(
  change: Partial<ProvenServersOptions> = {},
  { host = "127.0.0.1", port = oak.port, id = tlsId } = {},
): ProvenServers {
  const note = (event: string, facts: object) => log.push({ event, ...facts });
  const listed = new Map([[id, [{ host, port }]]]);
  proven = new ProvenServers(listed, { allowPrivate: true, connect: 5_000, log: note, ...change });
  closers.push(() => proven.close());
  return proven;
}

async function speak(id = tlsId): Promise<void> {
  const socket = await proven.connect(id, never);
  closers.push(() => socket.destroy());
  socket.write("A stranger's bytes");
}

it("connects a stranger to a server that has proven its key, and asks for the proof once", async () => {
  servers();
  await Promise.all([speak(), speak(), speak()]);
  await until(() => oak.strangers === 3);
  expect([oak.handshakes, proven.proven]).toEqual([1, 1]);
  expect(log).toEqual([{ event: "proven", server: tlsId, address: "127.0.0.1", port: oak.port }]);
});

it("knows which servers could not be reached when it was last tried", async () => {
  servers();
  expect(proven.away).toEqual([]);
  await proven.proveAll();
  expect(proven.away).toEqual([]);
  const other = `A${tlsId.slice(1)}`;
  servers({}, { id: other });
  expect(proven.away).toEqual([]);
  await proven.proveAll();
  expect(proven.away).toEqual([other]);
});

it("connects nobody to a server with another key, or one that speaks no TLS", async () => {
  const other = `A${tlsId.slice(1)}`;
  servers({}, { id: other });
  await expect(speak(other)).rejects.toThrow("its TLS key is not the one that its NURL names");
  await expect(speak(other)).rejects.toThrow();
  // A second stranger, right after, is refused by what is known already.
  expect([oak.handshakes, oak.strangers]).toEqual([1, 0]);
  expect(log).toEqual([{ event: "unproven", server: other, why: expect.stringContaining("TLS key") }]);
});

it("connects to a private address only where that is allowed, and sends not a byte to it else", async () => {
  let connections = 0;
  const inner = createServer(() => connections++).listen(0, "127.0.0.1");
  await once(inner, "listening");
  closers.push(() => inner.close());
  const { port } = inner.address() as AddressInfo;
  for (const host of ["127.0.0.1", "localhost", "::ffff:127.0.0.1"]) {
    servers({ allowPrivate: false }, { host, port });
    await expect(speak()).rejects.toMatchObject({ code: "PRIVATE_ADDRESS" });
    expect((await proven.proveAll()).get(tlsId)?.message).toContain("--allow-private");
  }
  expect(connections).toBe(0);
});

it("connects to the address that was looked up and has proven the key, wherever the name leads later", async () => {
  const inner = await TlsServer.start(identity, "127.0.0.2", oak.port);
  let lookUps = 0;
  servers({ lookUp: async () => (lookUps++ === 0 ? ["127.0.0.1"] : ["127.0.0.2"]) }, { host: "oak.example" });
  await proven.proveAll();
  await speak();
  await speak();
  await until(() => oak.strangers === 2);
  expect([lookUps, inner.handshakes, inner.strangers]).toEqual([1, 0, 0]);
});

it("finds a server that has moved, once it has proven its key there", async () => {
  const elsewhere = await TlsServer.start(identity, "127.0.0.2", oak.port);
  let address = "127.0.0.1";
  servers({ lookUp: async () => [address] }, { host: "oak.example" });
  await speak();
  address = "127.0.0.2";
  oak.stop();
  await speak();
  await until(() => elsewhere.strangers === 1);
  expect(elsewhere.handshakes).toBe(1);
});

it("asks for proofs anew now and then, and connects nobody to a server that has lost its key", async () => {
  servers({ proof: 50 });
  await proven.proveAll();
  await until(() => oak.handshakes > 2);
  const { port } = oak;
  oak.stop();
  const impostor = await TlsServer.start(await newTlsIdentity(), "127.0.0.1", port);
  await until(() => proven.proven === 0 && impostor.handshakes > 0);
  await expect(speak()).rejects.toThrow();
  expect(impostor.strangers).toBe(0);
});

it("takes another list: servers that stay keep their proofs, others are known no more", async () => {
  servers();
  await proven.proveAll();
  const stays = [{ host: "127.0.0.1", port: oak.port }];
  proven.replace(
    new Map([
      [tlsId, stays],
      ["B".repeat(43), stays],
    ]),
  );
  expect([proven.proven, proven.size]).toEqual([1, 2]);
  await speak();
  await until(() => oak.strangers === 1);
  expect(oak.handshakes).toBe(1);
  proven.replace(new Map());
  expect(proven.has(tlsId)).toBe(false);
  await expect(speak()).rejects.toThrow();
});
