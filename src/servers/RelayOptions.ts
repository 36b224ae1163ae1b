import type { Clock } from "../base/Clock.ts";
import type { Nurl } from "./parseNurl.ts";
import type { SharedRelay } from "./Relays.ts";
import type { TlsEngine } from "./TlsEngine.ts";

/** How a server is reached through a relay. */
export interface RelayOptions {
  /** One for all servers behind it. */
  readonly relay: SharedRelay;
  /** Whose key is pinned. The relay decides which host that is; the one that is named here goes into the Host header. */
  readonly nurl: Nurl;
  /** Of the server, for errors. */
  readonly name: string;
  /** One for all servers. */
  readonly tls: TlsEngine;
  readonly clock: Clock;
}
