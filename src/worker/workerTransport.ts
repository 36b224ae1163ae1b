import { systemClock } from "../base/Clock.ts";
import { fetchTransport } from "../servers/fetchTransport.ts";
import type { Relays } from "../servers/Relays.ts";
import type { MakeTransport } from "../servers/serversFromConfig.ts";
import type { TlsEngine } from "../servers/TlsEngine.ts";
import type { WorkerParts } from "./WorkerParts.ts";

/**
 * How a worker reaches a server: by `fetch`, or through a relay.
 *
 * @param script URL of the worker's script, beside which the TLS module is
 */
export function workerTransport(script: string, parts: WorkerParts): MakeTransport {
  let relays: Relays | undefined;
  let tls: TlsEngine | undefined;
  return (address, name) => {
    if ("url" in address) return fetchTransport(address.url, name);
    const { nurl, relay } = address;
    if (relay === undefined) return undefined;
    const { relayTransport, Relays, TlsEngine, loadTls, watchNetwork, webSocketStream } = parts.relay();
    if (relays === undefined) {
      const all = new Relays(webSocketStream, systemClock);
      watchNetwork(() => all.check());
      relays = all;
    }
    tls ??= new TlsEngine((signal) => loadTls(script, signal));
    return relayTransport({ relay: relays.at(relay), nurl, name, tls, clock: systemClock });
  };
}
