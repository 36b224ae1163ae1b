import type { CachedFile } from "../cache/CachedFile.ts";
import type { ShareLocation } from "../cache/shareMap.ts";
import type { Server } from "../servers/Server.ts";
import type { ServerList } from "../servers/ServerList.ts";
import type { Share } from "./Share.ts";

/**
 * Keeps the share map in memory true: which shares, of those remembered and those read since, are where they are said to
 * be. It is written only after a success, so a network that is gone for a while makes nobody forget where things are.
 */
export class ShareLocations {
  readonly #memory: CachedFile;
  readonly #shares = new Set<Share>();
  #isStale = false;
  #isEnough = false;

  constructor(memory: CachedFile) {
    this.#memory = memory;
  }

  /** Are as many shares as the file needs where they were remembered, as far as has shown? */
  get isEnough(): boolean {
    return this.#isEnough;
  }

  /** Where shares are to be found. */
  get servers(): Set<Server> {
    return new Set([...this.#shares].map(({ server }) => server));
  }

  /** Has those of the remembered shares taken whose servers still are in the list. */
  recall(
    locations: readonly ShareLocation[],
    servers: ServerList,
    take: (server: Server, location: ShareLocation) => Share | undefined,
    needed: number,
  ): void {
    const byId = new Map(servers.known().map((server) => [server.id, server]));
    for (const location of locations) {
      const server = byId.get(location.serverId);
      const share = server && take(server, location);
      if (share) this.#shares.add(share);
      else this.#isStale = true;
    }
    this.#isEnough = new Set([...this.#shares].map(({ number }) => number)).size >= needed;
  }

  /** A block of it was proven. */
  proven(share: Share): void {
    if (this.#shares.has(share)) return;
    this.#shares.add(share);
    this.#isStale = true;
  }

  /** It failed, or let its time pass. */
  failed(share: Share): void {
    if (!this.#shares.delete(share)) return;
    this.#isStale = true;
    this.#isEnough = false;
  }

  /** A segment was had: what is known now is worth remembering. */
  write(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#memory.rememberShares([...this.#shares].flatMap((share) => share.location ?? []));
  }
}
