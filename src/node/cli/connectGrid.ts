import type { Server } from "../../servers/Server.ts";
import { serversFromConfig } from "../../servers/serversFromConfig.ts";
import { nodeAddressTransport } from "../transport/nodeAddressTransport.ts";
import { type ListedServer, readServerList } from "../transport/readServerList.ts";
import { type GridOption, readGrids } from "./readGrids.ts";
import { type Terminal, tellList } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

/**
 * The servers that `--servers` names. Those that cannot be used are told.
 * @throws UsageError if it names none, GridError BAD_CONFIG
 */
export async function connectGrid(path: string | undefined, terminal: Terminal): Promise<readonly ListedServer[]> {
  if (path === undefined) {
    throw new UsageError("no grid is named: add --servers FILE, a static server list");
  }
  const list = await readServerList(path, terminal);
  tellList(terminal, list);
  return list.servers;
}

export interface ConnectOptions extends GridOption {
  /** Whose page relays are to take this for: the last counts. */
  readonly origin?: readonly string[];
}

/**
 * The servers of the grid that is named, for reading alone: of a configuration with several grids the first, which is the default.
 * @throws UsageError if none or two are named, GridError BAD_CONFIG
 */
export async function serversToRead(options: ConnectOptions, terminal: Terminal): Promise<readonly Server[]> {
  if (options.config === undefined) {
    return (await connectGrid(options.servers, terminal)).map(({ server }) => server);
  }
  const [grid] = (await readGrids(options, terminal)).grids;
  return grid === undefined ? [] : serversFromConfig(grid, nodeAddressTransport(options.origin?.at(-1)));
}
