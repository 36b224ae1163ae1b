import { type Clock, systemClock } from "../../base/Clock.ts";
import { Relays } from "../../servers/Relays.ts";
import { relayTransport } from "../../servers/relayTransport.ts";
import type { MakeTransport } from "../../servers/serversFromConfig.ts";
import { TlsEngine } from "../../servers/TlsEngine.ts";
import { loadTls } from "./loadTls.ts";
import { nodeSocketStream } from "./nodeSocketStream.ts";
import { pinnedTlsTransport } from "./pinnedTlsTransport.ts";
import { urlTransport } from "./urlTransport.ts";

/**
 * How Node reaches a server: by every kind of address. A NURL with a relay goes through the relay, as in a browser.
 *
 * @param origin whose page the relay is to take this for
 */
export function nodeAddressTransport(origin?: string): MakeTransport {
  const tls = new TlsEngine(loadTls);
  const relays = new Relays(nodeSocketStream(origin), systemClock);
  return (address, name) => {
    if ("url" in address) return urlTransport(address.url, name);
    const { nurl, relay } = address;
    if (relay === undefined) return pinnedTlsTransport(nurl, name);
    return relayTransport({ relay: relays.at(relay), nurl, name, tls, clock: restingClock });
  };
}

/** Its timers keep no program from ending: connections do, while something is awaited from them. */
const restingClock: Clock = {
  now: () => systemClock.now(),
  wallNow: () => systemClock.wallNow(),
  after(ms, ring) {
    const timer = setTimeout(ring, ms).unref();
    return () => clearTimeout(timer);
  },
};
