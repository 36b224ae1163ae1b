import { X509Certificate } from "node:crypto";
import { GridError } from "../../base/GridError.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";
import { ControlEndpoint, type Controlled, type ServerStatus } from "./ControlEndpoint.ts";
import { DevelopmentServer } from "./DevelopmentServer.ts";
import { checkDials, type Dials } from "./Dials.ts";
import { GridFolder, newTlsIdentity, type ServerAddress, type ServerRecord } from "./GridFolder.ts";
import { lockFolder } from "./lockFolder.ts";

const MOST_SERVERS = 100;

/** How a development grid is set up. */
export interface DevelopmentGridOptions {
  /** Where shares, ports and identities are kept; made if it is not there. */
  readonly folder: string;
  /** How many servers, 1 to 100; 10 unless given. */
  readonly servers?: number;
  /** TLS and swissnums, as real servers have them. Browsers cannot reach such servers directly. */
  readonly https?: boolean;
  /** Hears what an operator would want to know, a line at a time. */
  readonly log?: (line: string) => void;
}

/** A grid that runs in this process, on loopback. */
export interface DevelopmentGrid {
  /** How clients reach the servers. */
  readonly addresses: readonly ServerAddress[];
  /** See ControlEndpoint. */
  readonly controlUrl: string;
  /** A static server list, for `--servers`. */
  readonly serversFile: string;
  /** `grid.json`, for the app. */
  readonly configFile: string;
  status(): ServerStatus[];
  /** Changes the dials that are given of one server. */
  setDials(server: number, change: Partial<Dials>): void;
  /** Turns all dials back and counts from zero. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Starts a development grid. Started again on the same folder it has the same servers, shares and, if they are still
 * free, ports.
 *
 * @throws GridError BAD_CONFIG for a number of servers that cannot be, or a folder that something else has written or in
 *   which another grid runs
 */
export async function startDevelopmentGrid(options: DevelopmentGridOptions): Promise<DevelopmentGrid> {
  const { servers: count = 10, https = false, log = () => undefined } = options;
  if (!Number.isInteger(count) || count < 1 || count > MOST_SERVERS) {
    throw badConfig(`a grid has 1 to ${MOST_SERVERS} servers, not ${count}`);
  }
  const folder = new GridFolder(options.folder);
  const unlock = await lockFolder(options.folder);
  const running: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(running.map((one) => one.close()));
    await unlock();
  };
  try {
    const state = await folder.readState(count);
    const servers: DevelopmentServer[] = [];
    for (const [index, record] of state.servers.slice(0, count).entries()) {
      if (https) record.tls ??= await newTlsIdentity();
      const { nickname: name, port, tls, swissnum } = record;
      const secured = https && tls !== undefined ? { tls, swissnum } : {};
      const server = await DevelopmentServer.start({ name, port, log, folder: folder.serverFolder(index), ...secured });
      running.push(server);
      servers.push(server);
      record.port = server.port;
    }
    const addresses = servers.map((_, index) => addressOf(state.servers[index]!, https));
    const controlled = controlOf(servers, addresses);
    const control = await ControlEndpoint.start(controlled, state.controlPort, log);
    running.push(control);
    state.controlPort = control.port;
    await folder.writeState(state);
    await folder.writeAddresses(addresses);
    const { serversFile, configFile } = folder;
    return { ...controlled, addresses, controlUrl: `http://127.0.0.1:${control.port}`, serversFile, configFile, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function addressOf({ id, nickname, port, swissnum, tls }: ServerRecord, https: boolean): ServerAddress {
  if (!https || tls === undefined) return { id, nickname, url: `http://127.0.0.1:${port}/` };
  const nurl = `pb://${tlsIdOf(new X509Certificate(tls.cert))}@127.0.0.1:${port}/${swissnum}#v=1`;
  return { id, nickname, url: `https://127.0.0.1:${port}/`, nurl };
}

function controlOf(servers: readonly DevelopmentServer[], addresses: readonly ServerAddress[]): Controlled {
  return {
    status: () =>
      servers.map((server, index) => {
        const { id, nickname: name, url } = addresses[index]!;
        return { index, id, name, url, dials: server.dials, counters: server.counters };
      }),
    setDials(index, change) {
      const server = servers[index];
      if (server === undefined) throw badConfig(`there is no server ${index}, only 0 to ${servers.length - 1}`);
      server.turn(checkDials(change));
    },
    reset() {
      for (const server of servers) server.reset();
    },
  };
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The development grid cannot do that: ${reason}.`);
}
