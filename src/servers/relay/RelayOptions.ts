import type { Connect } from "./ByteStream.ts";

/** What `relayTransport(options): HttpTransport` takes. */
export interface RelayOptions {
  /** The relay's WebSocket, ws or wss. Which server is meant is added as `?token=<tls id>`. */
  readonly relay: string;
  /** SHA-256 of the server's SubjectPublicKeyInfo, in base64url: the NURL's first part. */
  readonly tlsId: string;
  /** Of the server, for errors. */
  readonly name: string;
  /** How this platform opens a WebSocket: `webSocketStream` in a worker, `nodeSocketStream` in Node. */
  readonly connect: Connect;
  /** Gives the TLS module, gridfetch-tls.wasm. Called when the first connection is made, once for all servers together. */
  readonly loadTls: () => Promise<WebAssembly.Module>;
}
