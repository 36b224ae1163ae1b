import { GridError } from "../../base/GridError.ts";
import type { Server } from "../../servers/Server.ts";
import type { StorageClient } from "../../servers/StorageClient.ts";
import type { VirtualClock } from "./VirtualClock.ts";

/** How a simulated server behaves from now on. */
export interface Behaviour {
  /** Milliseconds from a request to the first byte of its reply. */
  latency: number;
  /** Bytes a millisecond. */
  bandwidth: number;
  /** Never answers a share query, or never sends share data. */
  hangsOnList: boolean;
  hangsOnRead: boolean;
  /** Refuses with this status. */
  statusOnList: number | undefined;
  statusOnRead: number | undefined;
  /** Breaks the body off after so many bytes. */
  breaksAfter: number | undefined;
  /** Stops sending after so many bytes and stays connected. */
  stallsAfter: number | undefined;
  /** Replaces what a read gets. */
  tamper: ((shareNumber: number, offset: number, bytes: Uint8Array) => Uint8Array) | undefined;
  /** A shared cache that stands before it, and what that keeps: what was read once comes at once. */
  cache: Set<string> | undefined;
}

/** Of a server that does what it should. */
export const faultless = {
  hangsOnList: false,
  hangsOnRead: false,
  statusOnList: undefined,
  statusOnRead: undefined,
  breaksAfter: undefined,
  stallsAfter: undefined,
  tamper: undefined,
  cache: undefined,
} satisfies Partial<Behaviour>;

/** Has all of them behave so from now on; what is not named stays. */
export function behave(servers: Iterable<SimulatedServer>, behaviour: Partial<Behaviour>): void {
  for (const server of servers) Object.assign(server.behaviour, behaviour);
}

const MOST_AT_ONCE = 16 * 1024;
/** A slow server sends small pieces, one a second, as a slow connection does. */
const MOST_MS_AT_ONCE = 1000;

/** A storage server of the simulated grid: shares in memory, behaviour at the test's command, time of a virtual clock. */
export class SimulatedServer implements Server, StorageClient {
  readonly id: string;
  readonly place: string;
  readonly name: string;
  readonly permutationSeed: Uint8Array;
  readonly storage: StorageClient = this;
  readonly mutableStorage: StorageClient = this;
  readonly behaviour: Behaviour = { latency: 10, bandwidth: 10_000, ...faultless };
  /** Share numbers and their bytes, by storage index. */
  readonly shares = new Map<string, Map<number, Uint8Array>>();
  readonly reports: { shareNumber: number; reason: string }[] = [];
  readonly counts = { lists: 0, reads: 0, bytes: 0 };
  readonly reads: { shareNumber: number; offset: number; length: number }[] = [];
  inFlight = 0;
  readonly #clock: VirtualClock;

  constructor(index: number, clock: VirtualClock) {
    this.id = `v0-server${index}`;
    this.place = this.id;
    this.name = `server${index}`;
    this.permutationSeed = Uint8Array.of(index);
    this.#clock = clock;
  }

  hold(storageIndex: string, shareNumber: number, bytes: Uint8Array): void {
    const shares = this.shares.get(storageIndex) ?? new Map<number, Uint8Array>();
    this.shares.set(storageIndex, shares.set(shareNumber, bytes));
  }

  get isCached(): boolean {
    return this.behaviour.cache !== undefined;
  }

  async listShares(storageIndex: string, signal: AbortSignal): Promise<number[]> {
    this.counts.lists++;
    return this.#during(async () => {
      if (this.behaviour.hangsOnList) await this.#never(signal);
      await this.#clock.sleep(this.behaviour.latency, signal);
      if (this.behaviour.statusOnList !== undefined) throw this.#refusal(this.behaviour.statusOnList);
      return [...(this.shares.get(storageIndex)?.keys() ?? [])].sort((a, b) => a - b);
    });
  }

  async *readShare(
    storageIndex: string,
    shareNumber: number,
    offset: number,
    length: number,
    signal: AbortSignal,
    onHit?: () => void,
  ): AsyncGenerator<Uint8Array> {
    this.counts.reads++;
    this.reads.push({ shareNumber, offset, length });
    this.inFlight++;
    try {
      const { cache } = this.behaviour;
      const key = cache && `${this.id} ${shareNumber} ${offset}+${length}`;
      const isHit = key !== undefined && cache?.has(key) === true;
      if (isHit) onHit?.();
      if (this.behaviour.hangsOnRead) await this.#never(signal);
      if (!isHit) await this.#clock.sleep(this.behaviour.latency, signal);
      if (this.behaviour.statusOnRead !== undefined) throw this.#refusal(this.behaviour.statusOnRead);
      const share = this.shares.get(storageIndex)?.get(shareNumber);
      if (share === undefined) throw this.#refusal(404);
      const honest = share.subarray(offset, offset + length);
      const bytes = this.behaviour.tamper?.(shareNumber, offset, honest) ?? honest;
      if (key !== undefined) cache?.add(key);
      const most = Math.min(MOST_AT_ONCE, Math.ceil(this.behaviour.bandwidth * MOST_MS_AT_ONCE));
      for (let at = 0; at < bytes.length; at += most) {
        const { breaksAfter, stallsAfter, bandwidth } = this.behaviour;
        if (breaksAfter !== undefined && at >= breaksAfter) throw this.#broken();
        if (stallsAfter !== undefined && at >= stallsAfter) await this.#never(signal);
        const piece = bytes.slice(at, at + most);
        if (!isHit) await this.#clock.sleep(piece.length / bandwidth, signal);
        this.counts.bytes += piece.length;
        yield piece;
      }
    } finally {
      this.inFlight--;
    }
  }

  async reportCorruption(
    _storageIndex: string,
    shareNumber: number,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#during(async () => {
      await this.#clock.sleep(this.behaviour.latency, signal);
      this.reports.push({ shareNumber, reason });
    });
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.inFlight++;
    try {
      return await work();
    } finally {
      this.inFlight--;
    }
  }

  #never(signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  #refusal(status: number): GridError<"SERVER_REFUSED"> {
    const reason = `HTTP ${status}`;
    return new GridError("SERVER_REFUSED", { server: this.name, status, reason }, `${this.name} answered ${reason}.`);
  }

  #broken(): GridError<"SERVER_UNREACHABLE"> {
    const reason = "broke off";
    return new GridError("SERVER_UNREACHABLE", { server: this.name, reason }, `${this.name} ${reason}.`);
  }
}
