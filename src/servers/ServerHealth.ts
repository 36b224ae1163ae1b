import type { Clock } from "../base/Clock.ts";
import type { Limits } from "../base/limits.ts";
import { percentile } from "../base/percentile.ts";

const SAMPLES = 32;
/** Fewer blocks say nothing of how evenly they come. */
const LAG_SAMPLES = 8;
/** A stretch shorter than this says nothing about throughput: it arrives with the reply's head. */
export const THROUGHPUT_BYTES = 16 * 1024;

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
  /** What bodies brought and how long they took, the last ones counting most. */
  #moved = { bytes: 0, ms: 0 };
  /** The worst lag of the current stretch of `lagMemory`, and of the one before. */
  #lags: { readonly since: number; worst: number; readonly before: number | undefined } | undefined;
  #lagCount = 0;
  #hasAnswered = false;
  #failures = 0;
  #retryAt = 0;

  constructor(clock: Clock, limits: Limits, changed: () => void = () => {}) {
    this.#clock = clock;
    this.#limits = limits;
    this.#changed = changed;
  }

  /** A reply's first byte came `ms` after it was asked for. */
  sawLatency(ms: number): void {
    this.#hasAnswered = true;
    this.#latencies.push(ms);
    if (this.#latencies.length > SAMPLES) this.#latencies.shift();
    this.#latency = percentile(this.#latencies, 0.5);
    this.#slowLatency = percentile(this.#latencies, 0.95);
    this.#changed();
  }

  /** `bytes` of a body came in `ms`, counted from its first byte. */
  sawThroughput(bytes: number, ms: number): void {
    if (bytes < THROUGHPUT_BYTES) return;
    this.#moved = { bytes: 0.6 * this.#moved.bytes + bytes, ms: 0.6 * this.#moved.ms + Math.max(ms, 0.1) };
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
    this.#moved = { bytes: 0, ms: 0 };
    this.#lags = undefined;
    this.#lagCount = 0;
    this.#changed();
    // What fails before its next chance is the same trouble still: one lost connection fails every share that was read over it.
    if (!this.isOnProbation) this.#failures++;
    this.#retryAt = this.#clock.now() + this.#limits.secondChance * 2 ** Math.min(this.#failures - 1, 6);
  }

  /** Has it ever answered, as far as this program knows? */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
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

  /** As `bytesPerMs`, over many bodies: one that came in a burst counts for no more than the others. */
  get steadyBytesPerMs(): number | undefined {
    return this.#moved.ms === 0 ? undefined : this.#moved.bytes / this.#moved.ms;
  }

  /** Milliseconds by which blocks were behind the server's pace lately, at most; undefined with no experience. */
  get lag(): number | undefined {
    if (this.#lags === undefined || this.#lagCount < LAG_SAMPLES) return undefined;
    return Math.max(this.#lags.worst, this.#lags.before ?? 0);
  }
}
