import type { GridConfig, ServerConfig, ServerSecrets } from "../base/gridConfig.ts";
import { permutedServers } from "./permutedServers.ts";
import type { Server } from "./Server.ts";
import type { ServerList } from "./ServerList.ts";
import { type MakeTransport, serverFromConfig, swissnumOf, type Timing } from "./serversFromConfig.ts";

/** A server, and what it was made from. */
interface Entry {
  readonly server: Server;
  /** Secret. */
  readonly text: string;
}

/**
 * The servers that a grid's configuration lists, changing with it. A server that an old and a new configuration describe in
 * the same words stays the same object, with its connections and all that was learned of it.
 */
export class ConfiguredServerList implements ServerList {
  readonly #makeTransport: MakeTransport;
  readonly #timing: Timing;
  #revision = 0;
  #entries: readonly Entry[] = [];
  #servers: readonly Server[] = [];

  constructor(makeTransport: MakeTransport, timing: Timing) {
    this.#makeTransport = makeTransport;
    this.#timing = timing;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Makes the list what these say. */
  update(config: GridConfig, secrets: ServerSecrets): void {
    const present = new Map(this.#entries.map((entry) => [entry.text, entry]));
    const entries = config.servers.map((server) => {
      const text = describe(server, secrets);
      return present.get(text) ?? { text, server: this.#make(server, secrets) };
    });
    const isSame = entries.length === this.#entries.length && entries.every((entry, i) => entry === this.#entries[i]);
    if (isSame) return;
    this.#entries = entries;
    this.#servers = entries.map(({ server }) => server);
    this.#revision++;
  }

  known(): readonly Server[] {
    return this.#servers;
  }

  /** HTTP has no standing connection: each can be asked at any time. */
  connected(): readonly Server[] {
    return this.#servers;
  }

  inOrderFor(storageIndex: Uint8Array): readonly Server[] {
    return permutedServers(this.#servers, storageIndex);
  }

  #make(config: ServerConfig, secrets: ServerSecrets): Server {
    return serverFromConfig(config, this.#makeTransport, secrets, this.#timing);
  }
}

/** All that makes a server what it is; `parseGridConfig` gives the fields in one order. */
function describe(config: ServerConfig, secrets: ServerSecrets): string {
  return JSON.stringify([config, swissnumOf(config, secrets)]);
}
