import { ProvenServers } from "../src/node/relay/ProvenServers.ts";
import { Relay } from "../src/node/relay/Relay.ts";
import { readRelayServers } from "../src/node/relay/readRelayServers.ts";
import { defaultRelayLimits } from "../src/node/relay/relayLimits.ts";
import { freePort } from "../src/node/testing/freePort.ts";

/** A relay as `gridfetch relay --allow-private` starts it, in this process. */
export async function startRelay(
  serversFile: string,
  origins: readonly string[],
  port?: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const listed = (await readRelayServers(serversFile)).servers;
  const log = () => undefined;
  const { connect } = defaultRelayLimits;
  const servers = new ProvenServers(listed, { allowPrivate: true, connect, log });
  const relay = await Relay.start({ servers, origins, host: "127.0.0.1", port: port ?? (await freePort()), log });
  return {
    port: relay.port,
    async close() {
      servers.close();
      await relay.close();
    },
  };
}
