import type { ByteRange } from "../src/base/range.ts";
import { SimulatedGrid } from "../src/files/testing/SimulatedGrid.ts";
import type { SimulatedServer } from "../src/files/testing/SimulatedServer.ts";
import { synchronousCrypto } from "../src/files/testing/synchronousCrypto.ts";
import type { GeneratedFile } from "./generated/GeneratedFile.ts";

/** What a read in virtual time brought: milliseconds and bytes. */
export interface VirtualRead {
  readonly ms: number;
  /** When each chunk came, from the read's start. */
  readonly arrivals: readonly number[];
}

/** Servers in virtual time, where computing takes none: what is left is round trips and bandwidth, the same in every run. */
export class VirtualGrid {
  readonly #grid: SimulatedGrid;

  constructor(servers: number) {
    this.#grid = new SimulatedGrid(servers);
  }

  get servers(): readonly SimulatedServer[] {
    return this.#grid.servers;
  }

  /** Requests for share data and share lists, and bytes of share data, so far. */
  get traffic(): { requests: number; bytes: number } {
    const { lists, reads, bytes } = this.#grid.requests;
    return { requests: lists + reads, bytes };
  }

  /** Has share i served by server i, going round. */
  hold(file: GeneratedFile): void {
    for (let n = 0; n < file.cap.total; n++) {
      // All that a simulated server does with a share is to take ranges of it.
      const share = { subarray: (from: number, to: number) => file.shareBytes(n, from, to - from) };
      this.servers[n % this.servers.length]?.hold(file.storageIndexText, n, share as unknown as Uint8Array);
    }
  }

  /** @param during is called after each chunk with the bytes so far */
  async read(file: GeneratedFile, range: ByteRange, during: (bytes: number) => void = () => {}): Promise<VirtualRead> {
    const { clock, nodes } = this.#grid;
    const began = clock.now();
    const arrivals: number[] = [];
    const read = async () => {
      const reader = nodes.open(file.cap).read(range).getReader();
      let bytes = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        arrivals.push(clock.now() - began);
        bytes += value.length;
        during(bytes);
      }
      if (bytes !== range.length) throw new Error(`${bytes} of ${range.length} bytes came`);
    };
    await clock.runUntil(read());
    return { ms: clock.now() - began, arrivals };
  }
}

/** Runs `work` with a crypto.subtle that computes at once: virtual time does not wait for another thread. */
export async function inVirtualTime<T>(work: () => Promise<T>): Promise<T> {
  const names = Object.keys(synchronousCrypto) as (keyof typeof synchronousCrypto)[];
  const real = Object.fromEntries(names.map((name) => [name, crypto.subtle[name]]));
  Object.assign(crypto.subtle, synchronousCrypto);
  try {
    return await work();
  } finally {
    Object.assign(crypto.subtle, real);
  }
}
