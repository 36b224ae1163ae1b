import { systemClock } from "../base/Clock.ts";
import { fetchTransport } from "../servers/fetchTransport.ts";
import { relayTransport } from "../servers/relayTransport.ts";
import type { MakeTransport } from "../servers/serversFromConfig.ts";
import { TlsEngine } from "../servers/TlsEngine.ts";
import { loadTls } from "./loadTls.ts";
import { webSocketStream } from "./webSocketStream.ts";

/**
 * How a worker reaches a server: by `fetch`, or through a relay.
 *
 * @param script URL of the worker's script, beside which the TLS module is
 */
export function workerTransport(script: string): MakeTransport {
  const tls = new TlsEngine((signal) => loadTls(script, signal));
  return (address, name) => {
    if ("url" in address) return fetchTransport(address.url, name);
    const { nurl, relay } = address;
    if (relay === undefined) return undefined;
    return relayTransport({ relay, nurl, name, connect: webSocketStream, tls, clock: systemClock });
  };
}
