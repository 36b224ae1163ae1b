import { Relay } from "../relay/Relay.ts";
import { relayLog } from "../relay/RelayLog.ts";
import { readRelayServers } from "../relay/readRelayServers.ts";
import { type Terminal, tellList } from "./Terminal.ts";
import { untilStopped } from "./untilStopped.ts";

export interface RelayOptions {
  readonly servers: string;
  readonly origin: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly behindProxy?: boolean;
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  /** In seconds. */
  readonly idle: number;
}

/** Runs a relay until the user stops it. What happens is told on stdout, a line of JSON for each event. */
export async function relayCommand(options: RelayOptions, terminal: Terminal): Promise<void> {
  const list = await readRelayServers(options.servers, terminal);
  const { servers } = list;
  tellList(terminal, list);
  // Whoever read the log may leave; the relay goes on.
  terminal.stdout.on("error", () => undefined);
  const log = relayLog(terminal.stdout);
  const { host, origin: origins, behindProxy = false } = options;
  const limits = {
    connections: options.maxConnections,
    connectionsPerAddress: options.maxPerAddress,
    idle: options.idle * 1000,
  };
  const relay = await Relay.start({ servers, origins, host, port: options.port, behindProxy, limits, log });
  log("listening", { host, port: relay.port, origins, servers: [...servers.keys()] });
  await untilStopped(terminal.signal);
  log("stopping", { connections: relay.connections });
  await relay.close();
  log("stopped", {});
}
