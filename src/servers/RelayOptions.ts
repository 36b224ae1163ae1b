import type { Clock } from "../base/Clock.ts";
import type { Connect } from "./ByteStream.ts";
import type { Nurl } from "./parseNurl.ts";
import type { TlsEngine } from "./TlsEngine.ts";

/** How a server is reached through a relay. */
export interface RelayOptions {
  /** The relay's WebSocket, ws or wss. Which server is meant is added as `?token=<tls id>`. */
  readonly relay: string;
  /** Whose key is pinned. The relay decides which host that is; the one that is named here goes into the Host header. */
  readonly nurl: Nurl;
  /** Of the server, for errors. */
  readonly name: string;
  /** How this platform opens a WebSocket. */
  readonly connect: Connect;
  /** One for all servers. */
  readonly tls: TlsEngine;
  readonly clock: Clock;
}
