/** What reaches servers through relays: TLS and HTTP over a WebSocket's bytes. A script of its own for the ready-made worker. */

export { Relays } from "../servers/Relays.ts";
export { relayTransport } from "../servers/relayTransport.ts";
export { TlsEngine } from "../servers/TlsEngine.ts";
export { loadTls } from "./loadTls.ts";
export { watchNetwork } from "./watchNetwork.ts";
export { webSocketStream } from "./webSocketStream.ts";
