import { GridError } from "../../base/GridError.ts";
import { type ListedServer, readServerList } from "../transport/readServerList.ts";
import { type Terminal, tell } from "./Terminal.ts";

/**
 * The servers that `--servers` names. Those that cannot be used are told.
 * @throws GridError BAD_CONFIG
 */
export async function connectGrid(path: string | undefined, terminal: Terminal): Promise<readonly ListedServer[]> {
  if (path === undefined) {
    const reason = "no grid named: add --servers FILE, a static server list";
    throw new GridError("BAD_CONFIG", { reason }, `There is ${reason}.`);
  }
  const { servers, unusable } = await readServerList(path);
  for (const { name, reason } of unusable) tell(terminal, `Server ${name} is left out: ${reason}`);
  return servers;
}
