import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { Due } from "./Pace.ts";
import type { Share } from "./Share.ts";
import type { SharePool, Taken } from "./SharePool.ts";

/** What a race is about. */
export interface RaceRules<S extends Share, T> {
  /** Shares to have at work, or done, at any time; late ones not counted. */
  readonly width: number;
  /** Results that end the race: from as many distinct share numbers. */
  readonly enough: number;
  /** Distinct share numbers without which there is no hope. */
  readonly least: number;
  /** About how many bytes one share has to bring. */
  readonly bytes: number;
  /** To be started before any other: what they are to bring is here already. */
  readonly first?: readonly S[];
  /** By when a share that is at work should show a sign of it, and be done, by its own pace; undefined where that is not known. */
  due?(share: S): Due | undefined;
  /**
   * The work of one share. Undefined says that it cannot help here though it is good for other things; a rejection, unless by
   * the signal, that it is good for nothing.
   */
  job(share: S, signal: AbortSignal): Promise<T | undefined>;
}

/** What a race tells, and asks, its surroundings. */
export interface RaceHost<S extends Share> {
  readonly pool: SharePool<S>;
  readonly context: DownloadContext;
  /** Is another share to be expected any moment? */
  isPromising(): boolean;
  /** Can no other share turn up any more? */
  isExhausted(): boolean;
  /** Can no share help, because the file itself is broken? */
  isDoomed(): boolean;
  /** The race's `unfilled` changed. */
  hungry(): void;
  /** The share failed: it must be dead afterwards. */
  failed(share: S, error: unknown): void;
  /** The share does not keep its pace: it must be lagging afterwards, and every race is to be stepped. */
  lagging(share: S): void;
  /** The share let its own time, or its rivals', pass: it must be late afterwards, and every race is to be stepped. */
  late(share: S): void;
  /** The error with which to give up. */
  defeat(): unknown;
}

interface Runner {
  readonly began: number;
  readonly controller: AbortController;
  /** Was it started because another is late? */
  readonly isSpare: boolean;
  /** Once late, it stays so for this race. */
  wasLate: boolean;
}

/**
 * Gets results from enough distinct shares: starts the best ones, starts a spare where one fails or is late, takes whichever
 * come first, stops the rest. Gives up as soon as success has become impossible. Somebody must `step` it whenever shares may have
 * turned up, died or become late.
 */
export class ShareRace<S extends Share, T> {
  readonly #rules: RaceRules<S, T>;
  readonly #host: RaceHost<S>;
  readonly #runners = new Map<S, Runner>();
  readonly #refused = new Set<S>();
  readonly #results = new Map<number, T>();
  #norm: number | undefined;
  #isHedgeDue = false;
  /** When the race began, or a share in it last brought something. */
  #lastSign = 0;
  #unfilled = 0;
  /** When the timer rings, in the clock's milliseconds. */
  #rings = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #stopListening = (): void => {};
  #settle: { resolve(results: Map<number, T>): void; reject(error: unknown): void } | undefined;

  constructor(rules: RaceRules<S, T>, host: RaceHost<S>) {
    this.#rules = rules;
    this.#host = host;
  }

  /** Runs the race, once. Resolves to exactly `enough` results by share number; rejects with the host's defeat or the signal's reason. */
  run(signal: AbortSignal): Promise<Map<number, T>> {
    return new Promise<Map<number, T>>((resolve, reject) => {
      const abort = (): void => this.#end(() => reject(signal.reason));
      this.#settle = { resolve, reject };
      this.#stopListening = () => signal.removeEventListener("abort", abort);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
      this.#lastSign = this.#host.context.clock.now();
      this.step();
    });
  }

  /** How many more shares it would start if there were any. */
  get unfilled(): number {
    return this.#unfilled;
  }

  /** Takes stock and does what is to be done now. Harmless at any time. */
  step(): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    try {
      if (this.#results.size >= this.#rules.enough) {
        this.#end(() => settle.resolve(this.#results));
        return;
      }
      this.#doubtLagging();
      this.#unfilled = this.#startMissing();
      if (this.#unfilled > 0) this.#host.hungry();
      if (this.#isHopeless()) this.#end(() => settle.reject(this.#host.defeat()));
      else this.#watchLateness();
    } catch (error) {
      // A defect in the choosing must fail this race and not leave it, or others, waiting.
      this.#end(() => settle.reject(error));
    }
  }

  /**
   * Where a share lags, blocks that are due before a spare could bring them get one: it may be nothing, and most of what was asked
   * of it is not due yet. Once a spare has outrun it, it is late, and the rest follows.
   */
  #doubtLagging(): void {
    const { clock, health } = this.#host.context;
    for (const [share, runner] of this.#runners) {
      if (runner.wasLate || !this.#host.pool.isLagging(share)) continue;
      const due = this.#rules.due?.(share);
      if (due !== undefined && due.end <= clock.now() + 2 * health.latency) runner.wasLate = true;
    }
  }

  /** Returns how many shares are missing that cannot be had now. */
  #startMissing(): number {
    this.#isHedgeDue = false;
    let missing = this.#rules.width - this.#results.size;
    for (const [share, runner] of this.#runners) if (!this.#isLate(share, runner)) missing--;
    if (missing <= 0) return 0;
    const taken = this.#taken();
    for (const share of this.#candidates(taken)) {
      const load = taken.load.get(share.server) ?? 0;
      const isSecondOfItsServer = load > 0;
      if (isSecondOfItsServer && this.#host.isPromising()) return missing;
      const isHedge = this.#results.size + this.#runners.size >= this.#rules.width;
      if (isHedge && !this.#mayHedge(share)) {
        this.#isHedgeDue = true;
        return missing;
      }
      this.#start(share, isHedge);
      taken.shares.add(share);
      taken.load.set(share.server, load + 1);
      // Beside a share that is late another copy of its number may be tried.
      if (this.#host.pool.isLate(share)) continue;
      taken.numbers.add(share.number);
      if (--missing === 0) return 0;
    }
    return missing;
  }

  *#candidates(taken: Taken): Generator<S, undefined> {
    const { pool } = this.#host;
    for (const share of this.#rules.first ?? []) {
      if (!taken.shares.has(share) && !taken.numbers.has(share.number) && !pool.isDead(share)) yield share;
    }
    yield* pool.choose(taken, this.#rules.bytes);
    return undefined;
  }

  /** A spare beside a share that merely is slow costs traffic, and so has a budget; one for each silent share does not. */
  #mayHedge(spare: S): boolean {
    const { pool, context } = this.#host;
    const { limits, traffic } = context;
    const silent = [...this.#runners].filter((entry) => this.#isLate(...entry) && this.#isSilent(...entry));
    const spares = this.#results.size + this.#runners.size - this.#rules.width;
    if (spares < silent.length) return true;
    // A spare that is itself late would only be one more to wait for.
    if (pool.isLate(spare)) return false;
    if (traffic.hedged + this.#rules.bytes > limits.hedgeBytes + limits.hedgeFraction * traffic.received) return false;
    traffic.hedged += this.#rules.bytes;
    return true;
  }

  #isLate(share: S, { wasLate }: Runner): boolean {
    return wasLate || this.#host.pool.isLate(share);
  }

  #isSilent(share: S, { began }: Runner): boolean {
    const { clock, limits } = this.#host.context;
    const now = clock.now();
    return now - Math.max(share.lastArrival ?? began, began) >= limits.silence || now - began >= limits.trickle;
  }

  #start(share: S, isSpare: boolean): void {
    const began = this.#host.context.clock.now();
    const runner: Runner = { began, controller: new AbortController(), isSpare, wasLate: false };
    this.#runners.set(share, runner);
    void this.#follow(share, runner);
  }

  /** Never rejects. */
  async #follow(share: S, runner: Runner): Promise<void> {
    const { signal } = runner.controller;
    try {
      const result = await this.#rules.job(share, signal);
      if (!this.#runners.delete(share)) return;
      if (result === undefined) {
        this.#refused.add(share);
      } else {
        if (!this.#isLate(share, runner)) this.#host.context.health.of(share.server).succeeded();
        this.#host.pool.markPrompt(share);
        this.#results.set(share.number, result);
        this.#lastSign = this.#host.context.clock.now();
        this.#learnNorm(runner);
        this.#stopCopiesOf(share);
        if (runner.isSpare) this.#noticeOutrun();
      }
    } catch (error) {
      if (!this.#runners.delete(share)) return;
      runner.controller.abort(error);
      // Its second chance is for later segments: races in which shares fail in turn, and again, would not end.
      this.#refused.add(share);
      this.#host.failed(share, error);
    }
    this.step();
  }

  #noticeOutrun(): void {
    for (const [share, runner] of [...this.#runners]) {
      if (runner.wasLate && this.#runners.has(share) && this.#host.pool.isLagging(share)) this.#host.late(share);
    }
  }

  /** Another copy may have been started because this one was late. */
  #stopCopiesOf(winner: S): void {
    for (const [share, { controller }] of [...this.#runners]) {
      if (share.number !== winner.number) continue;
      this.#runners.delete(share);
      controller.abort(noLongerWanted);
    }
  }

  /** Half of the shares took this long at the most: the others are measured by it. */
  #learnNorm({ began }: Runner): void {
    if (this.#norm !== undefined || this.#results.size < this.#rules.width / 2) return;
    const { clock, limits } = this.#host.context;
    // Blocks that were here already, asked for on a guess, say nothing of what the others need.
    this.#norm = Math.max(limits.leastPatience, clock.now() - began);
  }

  #isHopeless(): boolean {
    if (this.#host.isDoomed() || this.#isQuiet()) return true;
    if (!this.#host.isExhausted()) return false;
    const numbers = new Set(this.#results.keys());
    for (const share of this.#runners.keys()) numbers.add(share.number);
    for (const share of this.#host.pool.usable()) if (!this.#refused.has(share)) numbers.add(share.number);
    return numbers.size < this.#rules.least;
  }

  /** Has no share brought a byte for so long that the race is lost, though there may be others to try, some at a time? */
  #isQuiet(): boolean {
    const { clock, limits } = this.#host.context;
    for (const share of this.#runners.keys()) this.#lastSign = Math.max(this.#lastSign, share.lastArrival ?? 0);
    return clock.now() >= this.#lastSign + limits.quietTimeout;
  }

  #watchLateness(): void {
    const { clock, limits } = this.#host.context;
    // A hedge that had no budget becomes free of it when the slow share falls silent.
    let next = this.#isHedgeDue ? clock.now() + limits.silence : Number.POSITIVE_INFINITY;
    next = Math.min(next, this.#lastSign + limits.quietTimeout);
    for (const [share, runner] of this.#runners) {
      if (!this.#isLate(share, runner)) {
        next = Math.min(next, this.#deadline(share, runner), this.#lagDeadline(share));
      }
    }
    // One that rings too soon is cheaper than a new one after every block.
    if (this.#rings <= next) return;
    this.#cancelTimer?.();
    const now = clock.now();
    const at = Math.max(next, now);
    this.#rings = at;
    this.#cancelTimer = clock.after(at - now, () => {
      this.#rings = Number.POSITIVE_INFINITY;
      this.#host.context.health.sawPause(clock.now() - at);
      this.#noticeLate();
    });
  }

  #noticeLate(): void {
    const now = this.#host.context.clock.now();
    for (const [share, runner] of [...this.#runners]) {
      // Telling of one late share may have ended the race, and the others' part in it.
      if (!this.#runners.has(share) || this.#isLate(share, runner)) continue;
      if (now >= this.#deadline(share, runner)) {
        runner.wasLate = true;
        this.#host.late(share);
      } else if (now >= this.#lagDeadline(share)) {
        this.#host.lagging(share);
      }
    }
    this.step();
  }

  /** After this a share does not keep its pace, though there may be time yet. */
  #lagDeadline(share: S): number {
    const { health } = this.#host.context;
    const due = this.#host.pool.isLagging(share) ? undefined : this.#rules.due?.(share);
    if (due === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(due.sign, due.end) + Math.max(health.tolerance(share.server), this.#leastLag(share));
  }

  /**
   * A share whose pace is not known is late by its server's own norm, or by that of the others in the race, whichever is sooner. One
   * whose pace is known can only lag.
   */
  #deadline(share: S, { began }: Runner): number {
    if (this.#rules.due?.(share) !== undefined) return Number.POSITIVE_INFINITY;
    const { health, limits } = this.#host.context;
    const own = health.patience(share.server, Math.max(share.pendingBytes, this.#rules.bytes));
    const others = this.#norm === undefined ? Number.POSITIVE_INFINITY : 1.5 * this.#norm + limits.leastPatience;
    const patience = Math.max(Math.min(own, others), this.#leastLag(share));
    return Math.max(began + patience, health.awakeSince + limits.leastPatience);
  }

  /** So much is no lateness of a share, whatever its pace. */
  #leastLag({ server }: S): number {
    const { limits, storageOf } = this.#host.context;
    return storageOf(server).isCached ? limits.cachedLag : 0;
  }

  #taken(): Taken {
    const numbers = new Set(this.#results.keys());
    // While a share is late another copy of its number may be tried.
    for (const [share, runner] of this.#runners) if (!this.#isLate(share, runner)) numbers.add(share.number);
    return { numbers, shares: new Set([...this.#refused, ...this.#runners.keys()]), load: this.#load() };
  }

  #load(): Map<Server, number> {
    const load = new Map<Server, number>();
    for (const { server } of this.#runners.keys()) load.set(server, (load.get(server) ?? 0) + 1);
    return load;
  }

  #end(report: () => void): void {
    this.#settle = undefined;
    this.#stopListening();
    this.#unfilled = 0;
    this.#cancelTimer?.();
    const runners = [...this.#runners.values()];
    this.#runners.clear();
    for (const { controller } of runners) controller.abort(noLongerWanted);
    report();
  }
}
