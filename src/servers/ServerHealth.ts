import type { Clock } from "../base/Clock.ts";
import type { Limits } from "../base/limits.ts";
import type { Server } from "./Server.ts";

const SAMPLES = 32;
/** Fewer blocks say nothing of how evenly they come. */
const LAG_SAMPLES = 8;
/** A stretch shorter than this says nothing about throughput: it arrives with the reply's head. */
const THROUGHPUT_BYTES = 16 * 1024;

/** What reading from one server has been like. Drives whom to ask and when to stop waiting. */
export class ServerHealth {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #changed: () => void;
  #latencies: number[] = [];
  // Worked out when a sample comes: they are asked for far more often, for every share that might be chosen.
  #latency: number | undefined;
  #slowLatency: number | undefined;
  #bytesPerMs: number | undefined;
  /** The worst lag of the current stretch of `lagMemory`, and of the one before. */
  #lags: { readonly since: number; worst: number; readonly before: number | undefined } | undefined;
  #lagCount = 0;
  #failures = 0;
  #retryAt = 0;

  constructor(clock: Clock, limits: Limits, changed: () => void = () => {}) {
    this.#clock = clock;
    this.#limits = limits;
    this.#changed = changed;
  }

  /** A reply's first byte came `ms` after it was asked for. */
  sawLatency(ms: number): void {
    this.#latencies.push(ms);
    if (this.#latencies.length > SAMPLES) this.#latencies.shift();
    this.#latency = percentile(this.#latencies, 0.5);
    this.#slowLatency = percentile(this.#latencies, 0.95);
    this.#changed();
  }

  /** `bytes` of a body came in `ms`, counted from its first byte. */
  sawThroughput(bytes: number, ms: number): void {
    if (bytes < THROUGHPUT_BYTES) return;
    const sample = bytes / Math.max(ms, 0.1);
    this.#bytesPerMs = this.#bytesPerMs === undefined ? sample : 0.6 * this.#bytesPerMs + 0.4 * sample;
    this.#changed();
  }

  /** A block, or some of it, came `ms` later than the server's pace promised, though all was well. */
  sawLag(ms: number): void {
    const now = this.#clock.now();
    const { lagMemory } = this.#limits;
    const age = this.#lags === undefined ? 0 : now - this.#lags.since;
    if (this.#lags === undefined || age >= lagMemory) {
      const before = age < 2 * lagMemory ? this.#lags?.worst : undefined;
      this.#lags = { since: now, worst: 0, before };
    }
    this.#lags.worst = Math.max(this.#lags.worst, ms);
    this.#lagCount++;
  }

  /** It answered as it should: past failures no longer count. */
  succeeded(): void {
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** It failed, lied or was late: it is asked last for a while, which doubles each time, and then judged anew. */
  failed(): void {
    this.#latencies = [];
    this.#latency = undefined;
    this.#slowLatency = undefined;
    this.#bytesPerMs = undefined;
    this.#lags = undefined;
    this.#lagCount = 0;
    this.#changed();
    // What fails before its next chance is the same trouble still: one lost connection fails every share that was read over it.
    if (!this.isOnProbation) this.#failures++;
    this.#retryAt = this.#clock.now() + this.#limits.secondChance * 2 ** Math.min(this.#failures - 1, 6);
  }

  /** Is it still being asked last? */
  get isOnProbation(): boolean {
    return this.#retryAt > 0 && this.#clock.now() < this.#retryAt;
  }

  /** Milliseconds to the first byte, as in most requests so far; undefined with no experience. */
  get latency(): number | undefined {
    return this.#latency;
  }

  /** As `latency`, for nearly all requests so far. */
  get slowLatency(): number | undefined {
    return this.#slowLatency;
  }

  get bytesPerMs(): number | undefined {
    return this.#bytesPerMs;
  }

  /** Milliseconds by which blocks were behind the server's pace lately, at most; undefined with no experience. */
  get lag(): number | undefined {
    if (this.#lags === undefined || this.#lagCount < LAG_SAMPLES) return undefined;
    return Math.max(this.#lags.worst, this.#lags.before ?? 0);
  }
}

function percentile(samples: readonly number[], fraction: number): number | undefined {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
}

/** The health of every server, shared by all files of a grid. */
export class HealthBook {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #entries = new Map<Server, ServerHealth>();
  /** Forgotten whenever a server's figures change: they are asked for for every share that might be chosen. */
  readonly #typicals = new Map<"latency" | "bytesPerMs", number | undefined>();
  #awakeSince = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
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
  expected(server: Server, bytes: number): number {
    const health = this.of(server);
    const latency = health.latency ?? this.#typical("latency") ?? this.#limits.firstPatience / 4;
    const rate = health.bytesPerMs ?? this.#typical("bytesPerMs");
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

  #typical(figure: "latency" | "bytesPerMs"): number | undefined {
    if (!this.#typicals.has(figure)) {
      const figures = [...this.#entries.values()]
        .map((health) => health[figure])
        .filter((value) => value !== undefined);
      this.#typicals.set(figure, percentile(figures, 0.5));
    }
    return this.#typicals.get(figure);
  }
}
