import { GridError } from "../base/GridError.ts";
import type { GridConfig, ServerConfig, ServerSecrets } from "../base/gridConfig.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { permutedServers } from "./permutedServers.ts";
import type { Server } from "./Server.ts";
import type { ServerList } from "./ServerList.ts";
import { type MakeTransport, serverFromConfig, swissnumOf, type Timing } from "./serversFromConfig.ts";

/** A server, and what it was made from. */
interface Entry {
  readonly server: Server;
  /** Secret. */
  readonly text: string;
  /** Ends new requests that would be sent with its swissnum. */
  leave(): void;
}

/**
 * The servers that a grid's configuration lists, changing with it. A server that an old and a new configuration describe in
 * the same words stays the same object, with its connections and all that was learned of it. One that has left the list and
 * wants a swissnum is asked no more, by reads under way neither: the swissnum may have been taken back. What was asked
 * before is not broken off.
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
      return present.get(text) ?? this.#make(text, server, secrets);
    });
    const isSame = entries.length === this.#entries.length && entries.every((entry, i) => entry === this.#entries[i]);
    if (isSame) return;
    const stay = new Set(entries);
    for (const entry of this.#entries) if (!stay.has(entry)) entry.leave();
    this.#entries = entries;
    this.#servers = entries.map(({ server }) => server);
    this.#revision++;
  }

  known(): readonly Server[] {
    return this.#servers;
  }

  inOrderFor(storageIndex: Uint8Array): readonly Server[] {
    return permutedServers(this.#servers, storageIndex);
  }

  #make(text: string, config: ServerConfig, secrets: ServerSecrets): Entry {
    const isSecret = swissnumOf(config, secrets) !== undefined;
    let hasLeft = false;
    const makeTransport: MakeTransport = (address, name) => {
      const transport = this.#makeTransport(address, name);
      return transport && whileListed(transport, name, () => hasLeft);
    };
    return {
      text,
      server: serverFromConfig(config, makeTransport, secrets, this.#timing),
      leave() {
        hasLeft = isSecret;
      },
    };
  }
}

function whileListed(transport: HttpTransport, name: string, hasLeft: () => boolean): HttpTransport {
  return {
    warm: (isLikely) => transport.warm?.(isLikely),
    isAway: () => transport.isAway?.() === true,
    async request(request) {
      if (!hasLeft()) return transport.request(request);
      const reason = "it is no longer listed as it was";
      throw new GridError("SERVER_UNREACHABLE", { server: name, reason }, `${name} was not asked: ${reason}.`);
    },
  };
}

/** All that makes a server what it is; `parseGridConfig` gives the fields in one order. */
function describe(config: ServerConfig, secrets: ServerSecrets): string {
  return JSON.stringify([config, swissnumOf(config, secrets)]);
}
