import { generateKeyPairSync } from "node:crypto";
import { systemClock } from "../../base/Clock.ts";
import type { Connect } from "../../servers/ByteStream.ts";
import { fetchTransport } from "../../servers/fetchTransport.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { Relays } from "../../servers/Relays.ts";
import { relayTransport } from "../../servers/relayTransport.ts";
import { TlsEngine } from "../../servers/TlsEngine.ts";
import { ScriptedHttpServer } from "../../servers/testing/ScriptedHttpServer.ts";
import { type TransportStage, transportCompliance } from "../../servers/testing/transportCompliance.ts";
import { tlsIdOfKey, v1Certificate } from "../../servers/testing/v1Certificate.ts";
import { Relay } from "../relay/Relay.ts";
import { trusting } from "../relay/testing/trusting.ts";
import { loadTls } from "./loadTls.ts";
import { nodeSocketStream } from "./nodeSocketStream.ts";
import { pinnedTlsTransport } from "./pinnedTlsTransport.ts";
import { urlTransport } from "./urlTransport.ts";

const ORIGIN = "https://app.example";
// As real servers have it: an RSA key in a certificate of version 1.
const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;
const cert = `-----BEGIN CERTIFICATE-----\n${v1Certificate(key).toString("base64")}\n-----END CERTIFICATE-----\n`;
const tlsId = tlsIdOfKey(key);
const tls = new TlsEngine(loadTls);

async function openPlain(make: (url: string) => HttpTransport): Promise<TransportStage> {
  const server = new ScriptedHttpServer();
  await server.start();
  return { server, transport: make(`http://127.0.0.1:${server.port}`), close: () => server.stop() };
}

async function openPinned(): Promise<TransportStage> {
  const server = new ScriptedHttpServer({ key, cert });
  await server.start();
  const nurl = { tlsId, host: "127.0.0.1", port: server.port };
  return { server, transport: pinnedTlsTransport(nurl, "oak"), close: () => server.stop() };
}

async function openRelayed(connect: Connect): Promise<TransportStage> {
  const server = new ScriptedHttpServer({ key, cert });
  await server.start();
  const address = { host: "127.0.0.1", port: server.port };
  const relay = await Relay.start({
    servers: trusting(new Map([[tlsId, [address]]])),
    origins: [ORIGIN],
    host: "127.0.0.1",
    port: 0,
    log: () => undefined,
  });
  const transport = relayTransport({
    relay: new Relays(connect, systemClock).at(`ws://127.0.0.1:${relay.port}/`),
    nurl: { tlsId, ...address },
    name: "oak",
    tls,
    clock: systemClock,
  });
  const close = async () => {
    await server.stop();
    await relay.close();
  };
  return { server, transport, close };
}

// Browsers repeat a request whose connection was just closed; the fetch of Node does not.
transportCompliance("fetchTransport", () => openPlain((url) => fetchTransport(url, "oak")), { repeats: false });
transportCompliance("urlTransport", () => openPlain((url) => urlTransport(url, "oak")), {
  connections: 4,
  repeats: true,
});
transportCompliance("pinnedTlsTransport", openPinned, { connections: 4, repeats: true });
const yamux = nodeSocketStream(ORIGIN);
// As websockify: a WebSocket for each connection to a server.
const plain: Connect = (url, signal) => yamux(url, signal, ["binary"]);
transportCompliance("relayTransport over one WebSocket", () => openRelayed(yamux), {
  connections: 5,
  ahead: 1,
  repeats: true,
});
transportCompliance("relayTransport over several", () => openRelayed(plain), { connections: 4, repeats: true });
