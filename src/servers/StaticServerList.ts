import { permutedServers } from "./permutedServers.ts";
import type { Server } from "./Server.ts";
import type { ServerList } from "./ServerList.ts";

/** Servers that are known from the start. */
export class StaticServerList implements ServerList {
  readonly revision = 0;
  readonly #servers: readonly Server[];

  constructor(servers: readonly Server[]) {
    this.#servers = [...servers];
  }

  known(): readonly Server[] {
    return this.#servers;
  }

  inOrderFor(storageIndex: Uint8Array): readonly Server[] {
    return permutedServers(this.#servers, storageIndex);
  }
}
