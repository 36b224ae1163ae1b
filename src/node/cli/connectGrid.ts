import { type ListedServer, readServerList } from "../transport/readServerList.ts";
import { type Terminal, tell } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

/**
 * The servers that `--servers` names. Those that cannot be used are told.
 * @throws UsageError if it names none, GridError BAD_CONFIG
 */
export async function connectGrid(path: string | undefined, terminal: Terminal): Promise<readonly ListedServer[]> {
  if (path === undefined) {
    throw new UsageError("no grid is named: add --servers FILE, a static server list");
  }
  const { servers, unusable } = await readServerList(path);
  for (const { name, reason } of unusable) tell(terminal, `Server ${name} is left out: ${reason}`);
  return servers;
}
