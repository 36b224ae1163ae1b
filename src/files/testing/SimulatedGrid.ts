import { EventLog } from "../../base/EventLog.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { zfec } from "../../erasure/zfec.ts";
import type { ServerList } from "../../servers/ServerList.ts";
import { createFileNodes, type FileNodes } from "../createFileNodes.ts";
import type { FileNode } from "../FileNode.ts";
import { type EncodedFile, type EncodeOptions, encodeShares } from "./encodeShares.ts";
import { SimulatedServer } from "./SimulatedServer.ts";
import { StrictPool } from "./StrictPool.ts";
import { VirtualClock } from "./VirtualClock.ts";

/** A grid without network or real time: servers in their given order, files made on the spot. */
export class SimulatedGrid implements ServerList {
  readonly clock = new VirtualClock();
  readonly log = new EventLog(this.clock);
  servers: SimulatedServer[];
  revision = 0;
  readonly nodes: FileNodes;
  /** Where the nodes' blocks and segments lie. */
  readonly memory = new StrictPool();
  #planned = 0;

  constructor(serverCount: number, limits: Partial<Limits> = {}) {
    this.servers = Array.from({ length: serverCount }, (_, i) => new SimulatedServer(i, this.clock));
    this.nodes = createFileNodes({
      servers: this,
      clock: this.clock,
      log: this.log,
      // Most scenarios want to see that a read which is left ends at once.
      limits: { ...defaultLimits, linger: 0, lingerBytes: 0, ...limits },
      // What a read asks servers for is what most scenarios are about, the second time as well.
      segmentCacheBytes: 0,
      codec: { ...zfec, memory: this.memory },
    });
  }

  known(): SimulatedServer[] {
    return this.servers;
  }

  /** In the order of the array, so that a test knows who is asked first. */
  inOrderFor(): SimulatedServer[] {
    return this.servers;
  }

  /** Changes the list, under whatever is being read. */
  list(servers: SimulatedServer[]): void {
    this.servers = servers;
    this.revision++;
  }

  /** Makes a file and puts share i on server i, going round, or where `place` says. */
  async put(
    plaintext: Uint8Array<ArrayBuffer>,
    options: EncodeOptions,
    place?: (shareNumber: number) => readonly number[],
  ): Promise<EncodedFile & { node: FileNode }> {
    const file = await encodeShares(plaintext, options);
    return { ...file, node: this.hold(file, place) };
  }

  /** As `put`, for shares that were made before. */
  hold(
    { cap, storageIndexText, shares }: Pick<EncodedFile, "cap" | "storageIndexText" | "shares">,
    place: (shareNumber: number) => readonly number[] = (n) => [n % this.servers.length],
  ): FileNode {
    for (const [n, bytes] of shares) {
      for (const index of place(n)) this.servers[index]?.hold(storageIndexText, n, bytes);
    }
    return this.nodes.open(cap);
  }

  /** Has `event` happen in `ms`: the test's own doing, as against timers of what is tested. */
  plan(ms: number, event: () => void): void {
    this.#planned++;
    this.clock.after(ms, () => {
      this.#planned--;
      event();
    });
  }

  /** Timers that what is tested has set and not cancelled. */
  get pendingTimers(): number {
    return this.clock.pendingTimers - this.#planned;
  }

  get inFlight(): number {
    return this.servers.reduce((sum, server) => sum + server.inFlight, 0);
  }

  get requests(): { lists: number; reads: number; bytes: number } {
    const total = { lists: 0, reads: 0, bytes: 0 };
    for (const { counts } of this.servers) {
      total.lists += counts.lists;
      total.reads += counts.reads;
      total.bytes += counts.bytes;
    }
    return total;
  }
}

/** All of a stream in one array. */
export async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts);
}

/** Bytes that look random and are the same every time. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
