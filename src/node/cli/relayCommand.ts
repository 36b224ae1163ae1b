import { isGridError } from "../../base/GridError.ts";
import { type ListenAddress, MonitorEndpoint } from "../relay/MonitorEndpoint.ts";
import { ProvenServers } from "../relay/ProvenServers.ts";
import { Relay } from "../relay/Relay.ts";
import { type RelayLog, relayLog } from "../relay/RelayLog.ts";
import { RelayMetrics } from "../relay/RelayMetrics.ts";
import { readRelayServers } from "../relay/readRelayServers.ts";
import { defaultRelayLimits } from "../relay/relayLimits.ts";
import { type Terminal, tell, tellList } from "./Terminal.ts";
import { untilStopped } from "./untilStopped.ts";

export interface RelayOptions {
  readonly servers: string;
  readonly origin: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly behindProxy?: boolean;
  readonly allowPrivate?: boolean;
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  readonly maxStreams: number;
  /** In seconds. */
  readonly idle: number;
  readonly metrics?: ListenAddress;
}

/**
 * Runs a relay until the user stops it, and reads its list again on SIGHUP. What happens is told on stdout, a line of JSON for
 * each event.
 */
export async function relayCommand(options: RelayOptions, terminal: Terminal): Promise<void> {
  // Whoever read the log may leave; the relay goes on.
  terminal.stdout.on("error", () => undefined);
  const metrics = new RelayMetrics();
  const write = relayLog(terminal.stdout);
  const log: RelayLog = (event, facts) => {
    metrics.note(event, facts);
    write(event, facts);
  };
  const { allowPrivate = false } = options;
  const listed = await readList(options.servers, terminal);
  const servers = new ProvenServers(listed, { allowPrivate, connect: defaultRelayLimits.connect, log });
  const reload = () => void reloadList(options.servers, servers, log, terminal);
  terminal.onHangup?.(reload);
  let relay: Relay | undefined;
  let monitor: MonitorEndpoint | undefined;
  try {
    relay = await startRelay(options, servers, log);
    monitor = await startMonitor(options, relay, servers, metrics);
    log("listening", {
      host: options.host,
      port: relay.port,
      origins: options.origin,
      servers: [...listed.keys()],
      ...(monitor !== undefined && { metrics: monitor.port }),
    });
    void tellUnproven(servers, terminal);
    await untilStopped(terminal.signal);
    log("stopping", { connections: relay.connections });
  } finally {
    servers.close();
    await Promise.all([relay?.close(), monitor?.close()]);
  }
  log("stopped", {});
}

async function startRelay(options: RelayOptions, servers: ProvenServers, log: RelayLog): Promise<Relay> {
  const { host, port, origin: origins, behindProxy = false } = options;
  const limits = {
    connections: options.maxConnections,
    connectionsPerAddress: options.maxPerAddress,
    streams: options.maxStreams,
    idle: options.idle * 1000,
  };
  const starting = Relay.start({ servers, origins, host, port, behindProxy, limits, log });
  return starting.catch((error: Error) => cannotListen(error, { host, port }, "--port"));
}

async function startMonitor(
  { metrics: address }: RelayOptions,
  relay: Relay,
  servers: ProvenServers,
  metrics: RelayMetrics,
): Promise<MonitorEndpoint | undefined> {
  if (address === undefined) return undefined;
  const text = () => {
    const { connections, streams, pendingSockets } = relay;
    return metrics.text({ connections, streams, pendingSockets, servers: servers.size, provenServers: servers.proven });
  };
  return MonitorEndpoint.start(address, text).catch((error: Error) => cannotListen(error, address, "--metrics"));
}

function cannotListen(error: Error, { host, port }: ListenAddress, option: string): never {
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") throw new Error(`Port ${port} of ${host} is taken: use ${option} with another one.`);
  if (code === "EACCES") throw new Error(`Port ${port} of ${host} may not be used: use ${option} with one above 1023.`);
  throw error;
}

async function readList(path: string, terminal: Terminal) {
  const list = await readRelayServers(path, terminal);
  tellList(terminal, list);
  return list.servers;
}

/** A list that cannot be read leaves the one before in force. */
async function reloadList(path: string, servers: ProvenServers, log: RelayLog, terminal: Terminal): Promise<void> {
  try {
    const listed = await readList(path, terminal);
    servers.replace(listed);
    log("reloaded", { servers: [...listed.keys()] });
    await tellUnproven(servers, terminal);
  } catch (error) {
    const why = isGridError(error) ? error.message : `${error}`;
    log("not reloaded", { why });
    tell(terminal, `The list before stays in force. ${why}`);
  }
}

async function tellUnproven(servers: ProvenServers, terminal: Terminal): Promise<void> {
  for (const [tlsId, { message }] of await servers.proveAll()) {
    if (terminal.signal.aborted) return;
    tell(terminal, `Server ${tlsId} has not proven to own its key, and gets no connections: ${message}.`);
  }
}
