import { generateKeyPairSync } from "node:crypto";
import { promises } from "node:fs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../base/Clock.ts";
import { isGridError, type UnreachableWhy } from "../base/GridError.ts";
import { HttpStorageClient } from "./HttpStorageClient.ts";
import { Relays } from "./Relays.ts";
import { relayTransport } from "./relayTransport.ts";
import { TlsEngine } from "./TlsEngine.ts";
import { ImpostorServer, type Imposture } from "./testing/ImpostorServer.ts";
import { memoryStreams } from "./testing/memoryStreams.ts";
import { tlsIdOfKey, v1Certificate } from "./testing/v1Certificate.ts";

const SI = "hdis5iaveku6lnlaiccydyid7q";
const SWISSNUM = "a-secret-that-lets-clients-in";
/** What old machines between two ends want to see in each handshake (RFC 8446, appendix D.4): one byte. */
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;

const newKey = (bits = 2048) =>
  generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  }).privateKey;
const owned = newKey();
const foreign = newKey();
const tls = new TlsEngine(async () => {
  return new Uint8Array(await promises.readFile(new URL("tls/gridfetch-tls.wasm", import.meta.url)));
});

/** Asks a server that is all that `imposture` says, and owns the pinned key unless that says otherwise. */
async function ask(imposture: Partial<Imposture>, signal = new AbortController().signal) {
  const servers: ImpostorServer[] = [];
  const runs: Promise<void>[] = [];
  const connect = async () => {
    const [client, server] = memoryStreams();
    const impostor = new ImpostorServer(server, { shownKey: owned, signingKey: owned, ...imposture });
    servers.push(impostor);
    runs.push(impostor.run());
    return { ...client, protocol: "" };
  };
  const transport = relayTransport({
    relay: new Relays(connect, systemClock).at("wss://relay.example/"),
    nurl: { tlsId: tlsIdOfKey(owned), host: "oak.example", port: 1 },
    name: "oak",
    tls,
    clock: systemClock,
  });
  const error = await new HttpStorageClient(transport, "oak", SWISSNUM).listShares(SI, signal).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  // The client has closed the connection, so every byte that it sent is there.
  await Promise.all(runs);
  return { error, servers };
}

describe("a server that is not who it must be hears no request", () => {
  it("the owner of the key does: what follows can fail", async () => {
    const stop = new AbortController();
    const { servers } = await ask({ heardRequest: () => stop.abort() }, stop.signal);
    const secret = Buffer.from(SWISSNUM).toString("base64");
    expect(servers[0]!.requests).toContain(`Authorization: Tahoe-LAFS ${secret}\r\n`);
    expect(servers[0]!.requests).toMatch(/^GET \/storage\/v1\/immutable\/.*\r\nHost: oak\.example:1\r\n/);
  });

  const cases: [string, Partial<Imposture>, UnreachableWhy][] = [
    ["another key than the pinned one", { shownKey: foreign, signingKey: foreign }, "wrong-key"],
    ["the right certificate, and no CertificateVerify", { verify: "none" }, "impostor"],
    ["the right certificate, signed for with another key", { signingKey: foreign }, "impostor"],
    ["the right certificate, with the signature of another handshake", { verify: "other" }, "impostor"],
    ["the right certificate, with a signature that TLS 1.3 forbids", { verify: "pkcs1" }, "impostor"],
    ["the right key after another one", { shownKey: foreign, signingKey: owned }, "wrong-key"],
    ["no certificate in the Certificate", { certificate: "empty" }, "impostor"],
    ["no Certificate at all", { certificate: "none" }, "impostor"],
    ["bytes in place of a certificate", { certificate: Buffer.alloc(500, 0x30) }, "impostor"],
    ["a certificate of no bytes", { certificate: Buffer.alloc(0) }, "impostor"],
    ["a certificate of 15 KB", { certificate: Buffer.alloc(15_000, 0x30) }, "impostor"],
    ["a Finished that proves nothing", { finished: "wrong" }, "not-tls"],
    ["TLS 1.2", { hello: "tls12" }, "not-tls"],
    ["a cipher that was not offered", { hello: "aes" }, "not-tls"],
    ["a session to resume that was not offered", { hello: "resumed" }, "not-tls"],
    ["HTTP without TLS", { garbage: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") }, "not-tls"],
    ["zeros", { garbage: Buffer.alloc(100_000) }, "not-tls"],
    ["the beginning of a record", { garbage: Buffer.from([22, 3, 3, 1]) }, "broke-off"],
    ["an alert", { garbage: Buffer.from([21, 3, 3, 0, 2, 2, 40]) }, "not-tls"],
    ["an end in place of ServerHello", { endsBefore: 0 }, "broke-off"],
    ["an end after ServerHello", { endsBefore: 1 }, "broke-off"],
    ["an end before Certificate", { endsBefore: 2 }, "broke-off"],
    ["an end before CertificateVerify", { endsBefore: 3 }, "broke-off"],
    ["an end before Finished", { endsBefore: 4 }, "broke-off"],
  ];

  it.each(cases)("%s", async (_, imposture, why) => {
    const { error, servers } = await ask(imposture);
    expect(isGridError(error, "SERVER_UNREACHABLE") && error.details).toMatchObject({ server: "oak", why });
    expect(String(error)).not.toContain(SWISSNUM);
    expect(servers).toHaveLength(1);
    expect(servers[0]!.unread).toBe(0);
    for (const { type, contents } of servers[0]!.heard) {
      expect([CHANGE_CIPHER_SPEC, ALERT]).toContain(type);
      expect(contents.length).toBeLessThanOrEqual(2);
    }
  });

  it("the right certificate, cut off anywhere", async () => {
    const whole = v1Certificate(owned);
    for (let length = 1; length < whole.length; length += 41) {
      const { error, servers } = await ask({ certificate: whole.subarray(0, length) });
      expect(error).toMatchObject({ details: { why: "impostor" } });
      expect(servers[0]!.requests).toBe("");
    }
  });

  it("silence, until the caller has enough", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort("enough"), 50);
    const { error, servers } = await ask({ silent: true }, stop.signal);
    expect(error).toBe("enough");
    expect(servers[0]!.heard).toEqual([]);
  });

  it("a key of 1024 bits, even if it is the pinned one", async () => {
    const short = newKey(1024);
    const [client, server] = memoryStreams();
    const impostor = new ImpostorServer(server, { shownKey: short, signingKey: short });
    const transport = relayTransport({
      relay: new Relays(async () => ({ ...client, protocol: "" }), systemClock).at("wss://relay.example/"),
      nurl: { tlsId: tlsIdOfKey(short), host: "oak.example", port: 1 },
      name: "oak",
      tls,
      clock: systemClock,
    });
    const run = impostor.run();
    const asking = new HttpStorageClient(transport, "oak", SWISSNUM).listShares(SI, new AbortController().signal);
    await expect(asking).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    await run;
    expect(impostor.requests).toBe("");
  });
});
