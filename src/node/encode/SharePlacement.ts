import { ShareWriter } from "./ShareWriter.ts";
import { newSecret, type UploadServer } from "./UploadServer.ts";
import { uploadFailed } from "./uploadFailed.ts";

/** So many servers, at least, are asked whether they hold shares of the file. */
const LEAST_ASKED = 20;

/** What a placement needs to know of the file. */
export interface PlacedFile {
  /** Base32. */
  readonly storageIndex: string;
  readonly shareCount: number;
  /** Of each share, in bytes. */
  readonly shareLength: number;
  /** Bytes in a request. */
  readonly chunkLength: number;
}

/** Decides which server gets which share, and keeps account of it. */
export class SharePlacement {
  /** Share number -> the server that holds it, complete. */
  readonly placed = new Map<number, UploadServer>();
  readonly #file: PlacedFile;
  readonly #servers: readonly UploadServer[];
  readonly #signal: AbortSignal;
  /** How many shares each server has or is getting; those that failed are not in here. */
  readonly #load: Map<UploadServer, number>;
  readonly #secrets: ReadonlyMap<UploadServer, string>;
  /** `<server id> <share number>` where a server will not take a share, though it works otherwise. */
  readonly #refused = new Set<string>();

  /** @param servers in the order in which the file's readers will ask them */
  constructor(file: PlacedFile, servers: readonly UploadServer[], signal: AbortSignal) {
    this.#file = file;
    this.#servers = servers;
    this.#signal = signal;
    this.#load = new Map(servers.map((server) => [server, 0]));
    this.#secrets = new Map(servers.map((server) => [server, newSecret()]));
  }

  /** Finds the shares that an earlier upload has left on the servers. */
  async findExisting(): Promise<void> {
    const asked = this.#servers.slice(0, Math.max(LEAST_ASKED, 2 * this.#file.shareCount));
    await Promise.all(
      asked.map(async (server) => {
        try {
          this.#hold(server, await server.listShares(this.#file.storageIndex, this.#signal));
        } catch (error) {
          this.fail(server, error);
        }
      }),
    );
  }

  /** The shares that are not complete anywhere. */
  get missing(): number[] {
    return Array.from({ length: this.#file.shareCount }, (_, i) => i).filter((share) => !this.placed.has(share));
  }

  /**
   * Finds a server for each missing share: the first in order of those that have fewest.
   * @throws GridError UPLOAD_FAILED if some share finds none
   */
  async assign(): Promise<ShareWriter[]> {
    const writers = new Map<number, ShareWriter>();
    try {
      for (let open = this.missing; open.length > 0; open = this.missing.filter((share) => !writers.has(share))) {
        const plan = this.#plan(open);
        const made = await Promise.all([...plan].map(([server, shares]) => this.#allocate(server, shares)));
        for (const writer of made.flat()) writers.set(writer.shareNumber, writer);
      }
      return [...writers.values()];
    } catch (error) {
      await Promise.all([...writers.values()].map((writer) => writer.abort()));
      throw error;
    }
  }

  /** A share is complete on its server. */
  complete(writer: ShareWriter): void {
    this.placed.set(writer.shareNumber, writer.server);
  }

  /**
   * The server gets nothing more.
   * @throws GridError UPLOAD_FAILED if it was the last, or the signal's reason
   */
  fail(server: UploadServer, error: unknown): void {
    this.#signal.throwIfAborted();
    this.#load.delete(server);
    if (this.#load.size > 0) return;
    const detail = error instanceof Error ? ` (${error.message.replace(/\.$/, "")})` : "";
    throw uploadFailed(`none of ${this.#servers.length} servers works any more${detail}`, { cause: error });
  }

  #plan(shares: readonly number[]): Map<UploadServer, number[]> {
    const plan = new Map<UploadServer, number[]>();
    const load = new Map(this.#load);
    for (const share of shares) {
      const willing = [...load].filter(([server]) => !this.#refused.has(`${server.server.id} ${share}`));
      const least = Math.min(...willing.map(([, count]) => count));
      const [server] = willing.find(([, count]) => count === least) ?? [];
      if (server === undefined) throw this.#refusedEverywhere(share);
      load.set(server, least + 1);
      plan.set(server, [...(plan.get(server) ?? []), share]);
    }
    return plan;
  }

  async #allocate(server: UploadServer, shares: readonly number[]): Promise<ShareWriter[]> {
    const { storageIndex, shareLength, chunkLength } = this.#file;
    const secret = this.#secrets.get(server)!;
    try {
      const { alreadyHave, allocated } = await server.allocate(storageIndex, shares, shareLength, secret, this.#signal);
      this.#hold(server, alreadyHave);
      const taken = shares.filter((share) => allocated.includes(share) && !alreadyHave.includes(share));
      this.#add(server, taken.length);
      for (const share of shares) {
        // Full, or another upload of this file is under way there.
        if (!taken.includes(share) && !alreadyHave.includes(share)) this.#refused.add(`${server.server.id} ${share}`);
      }
      return taken.map((share) => new ShareWriter(server, storageIndex, share, secret, chunkLength, this.#signal));
    } catch (error) {
      this.fail(server, error);
      return [];
    }
  }

  #hold(server: UploadServer, shares: readonly number[]): void {
    for (const share of shares) {
      if (share >= this.#file.shareCount || this.placed.has(share)) continue;
      this.placed.set(share, server);
      this.#add(server, 1);
    }
  }

  #add(server: UploadServer, shares: number): void {
    const load = this.#load.get(server);
    if (load !== undefined) this.#load.set(server, load + shares);
  }

  #refusedEverywhere(share: number): Error {
    const working = `${this.#load.size} of ${this.#servers.length} servers work`;
    return uploadFailed(
      `no server takes share ${share}: ${working}, which are full or busy with another upload of this file`,
    );
  }
}
