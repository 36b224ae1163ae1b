import { connectToServer, type ServerAddress } from "../connectToServer.ts";
import type { RelayTargets } from "../RelayTargets.ts";

/** Servers that need not prove their keys: TCP servers that tests script, on loopback. */
export function trusting(
  servers: ReadonlyMap<string, readonly ServerAddress[]>,
  away: readonly string[] = [],
): RelayTargets {
  return {
    away,
    has: (tlsId) => servers.has(tlsId),
    connect: (tlsId, signal, onread) => connectToServer(servers.get(tlsId) ?? [], 10_000, signal, onread),
  };
}
