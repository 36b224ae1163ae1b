import { visibleText } from "../base/visibleText.ts";
import { HttpStorageClient } from "./HttpStorageClient.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { permutationSeedOf } from "./permutedServers.ts";
import type { Server } from "./Server.ts";

/** What a list of servers says about one. */
export interface ServerIdentity {
  readonly id: string;
  readonly nickname?: string | undefined;
  /** `permutation-seed-base32` as announced. */
  readonly permutationSeed?: string | undefined;
}

/** Enough of an id to tell a grid's servers apart. */
const ID_START = 11;

/** For people: the nickname, else the start of the id. Whoever runs a server chose its nickname, so it is shown as `visibleText`. */
export function serverName({ id, nickname }: ServerIdentity): string {
  return visibleText(nickname || id.slice(0, ID_START));
}

/**
 * A server that speaks the storage protocol over HTTP.
 *
 * @throws GridError BAD_FORMAT if the announced permutation seed is not base32
 */
export function httpServer(identity: ServerIdentity, transport: HttpTransport, swissnum?: string): Server {
  const name = serverName(identity);
  return {
    id: identity.id,
    name,
    permutationSeed: permutationSeedOf(identity.id, identity.permutationSeed),
    storage: new HttpStorageClient(transport, name, swissnum),
    mutableStorage: new HttpStorageClient(transport, name, swissnum, "mutable"),
    warm: (isLikely) => transport.warm?.(isLikely),
    ...(transport.way && { way: () => transport.way?.() }),
    isAway: () => transport.isAway?.() === true,
  };
}
