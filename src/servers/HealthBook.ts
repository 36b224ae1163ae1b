import type { Clock } from "../base/Clock.ts";
import type { Limits } from "../base/limits.ts";
import { percentile } from "../base/percentile.ts";
import type { Server } from "./Server.ts";
import { ServerHealth, THROUGHPUT_BYTES } from "./ServerHealth.ts";
import type { ServerList } from "./ServerList.ts";

type Speed = "bytesPerMs" | "steadyBytesPerMs";

/** The health of every server, shared by all files of a grid. Of one that has left the list nothing is kept longer than somebody uses it. */
export class HealthBook {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #servers: Pick<ServerList, "known">;
  readonly #entries = new WeakMap<Server, ServerHealth>();
  /** Forgotten whenever a server's figures or the list change: they are asked for for every share that might be chosen. */
  readonly #typicals = new Map<"latency" | Speed, number | undefined>();
  #typicalOf: readonly Server[] = [];
  #awakeSince = Number.NEGATIVE_INFINITY;

  /** @param servers those whose figures stand in for what is not known of one */
  constructor(clock: Clock, limits: Limits, servers: Pick<ServerList, "known">) {
    this.#clock = clock;
    this.#limits = limits;
    this.#servers = servers;
  }

  of(server: Server): ServerHealth {
    let health = this.#entries.get(server);
    if (health === undefined) {
      health = new ServerHealth(this.#clock, this.#limits, () => this.#typicals.clear());
      this.#entries.set(server, health);
    }
    return health;
  }

  /** Milliseconds that `bytes` from this server should take; what is not known of it is taken from the others. */
  expected(server: Server, bytes: number, speed: Speed = "bytesPerMs"): number {
    const health = this.of(server);
    const latency = health.latency ?? this.#typical("latency") ?? this.#limits.firstPatience / 4;
    const rate = health[speed] ?? this.#typical(speed);
    return latency + (rate === undefined ? 0 : bytes / rate);
  }

  /** Milliseconds after which `bytes` from this server are late by its own norm. */
  patience(server: Server, bytes: number): number {
    const health = this.of(server);
    const latency = health.slowLatency;
    const rate = health.bytesPerMs ?? this.#typical("bytesPerMs");
    const isUnheardOf = latency === undefined || (rate === undefined && bytes >= THROUGHPUT_BYTES);
    if (isUnheardOf) return this.#limits.firstPatience;
    const transfer = rate === undefined ? 0 : bytes / rate;
    return Math.max(this.#limits.leastPatience, 2 * latency + 3 * transfer);
  }

  /** What to expect of this server's blocks; what is not known of it is taken from the others. Undefined with no experience. */
  norm(server: Server): { latency: number; bytesPerMs: number } | undefined {
    const health = this.of(server);
    const latency = health.slowLatency ?? this.#typical("latency");
    const bytesPerMs = health.bytesPerMs ?? this.#typical("bytesPerMs");
    return latency === undefined || bytesPerMs === undefined ? undefined : { latency, bytesPerMs };
  }

  /** Milliseconds that a block of this server may be overdue before it is worth asking elsewhere. */
  tolerance(server: Server): number {
    const { lag, latency = 0 } = this.of(server);
    const { leastPatience, leastLag, lagOfLatency, firstPatience } = this.#limits;
    if (lag === undefined) return leastPatience;
    return Math.max(leastLag, lagOfLatency * latency, Math.min(1.25 * lag, firstPatience));
  }

  /** A timer came so much later than it was set for: this program slept, and what came meanwhile waits to be looked at. */
  sawPause(ms: number): void {
    if (ms >= this.#limits.leastLag) this.#awakeSince = this.#clock.now();
  }

  /** When the program last woke from such a pause, in the clock's milliseconds. */
  get awakeSince(): number {
    return this.#awakeSince;
  }

  /** The latency of most servers. */
  get latency(): number {
    return this.#typical("latency") ?? 0;
  }

  /** Bytes that so many servers together have on their way at any moment while they send at full speed: speed times delay. */
  underWay(servers: number): number {
    return servers * (this.#typical("latency") ?? 0) * (this.#typical("bytesPerMs") ?? 0);
  }

  #typical(figure: "latency" | Speed): number | undefined {
    const servers = this.#servers.known();
    if (servers !== this.#typicalOf) {
      this.#typicalOf = servers;
      this.#typicals.clear();
    }
    if (!this.#typicals.has(figure)) {
      const figures = servers
        .map((server) => this.#entries.get(server)?.[figure])
        .filter((value) => value !== undefined);
      this.#typicals.set(figure, percentile(figures, 0.5));
    }
    return this.#typicals.get(figure);
  }
}
