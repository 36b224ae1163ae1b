import type { GridCheck, ServerCheck } from "../base/GridCheck.ts";
import type { GridConfig, ServerConfig, ServerSecrets } from "../base/gridConfig.ts";
import { type CheckPlatform, checkAddress } from "./checkAddress.ts";
import { serverName } from "./httpServer.ts";
import { addressesOf, swissnumOf } from "./serversFromConfig.ts";

/** Servers under check at once: browsers allow six connections to a host, and proxies have many servers on one. */
const AT_ONCE = 6;

/**
 * Asks every server of a grid by every one of its addresses, each over connections of its own, and says of those that do not work
 * why, as far as the platform lets that be known. Nobody's clock is trusted, and nothing is learned or changed by it.
 *
 * @param secrets as for `serversFromConfig`
 * @throws the signal's reason
 */
export async function checkGrid(
  config: GridConfig,
  secrets: ServerSecrets,
  platform: CheckPlatform,
  signal: AbortSignal,
): Promise<GridCheck> {
  signal.throwIfAborted();
  const servers: ServerCheck[] = [];
  const line = config.servers.entries();
  const work = async (): Promise<void> => {
    for (const [index, entry] of line) servers[index] = await checkServer(entry, secrets, platform, signal);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { ...(config.name !== undefined && { name: config.name }), servers };
}

async function checkServer(
  entry: ServerConfig,
  secrets: ServerSecrets,
  platform: CheckPlatform,
  signal: AbortSignal,
): Promise<ServerCheck> {
  const name = serverName(entry);
  const target = { name, swissnum: swissnumOf(entry, secrets) };
  const addresses = await Promise.all(
    addressesOf(entry).map((address) => checkAddress(address, target, platform, signal)),
  );
  return { id: entry.id, name, works: addresses.some(({ works }) => works), addresses };
}
