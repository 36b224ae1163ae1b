import type { LentBytes } from "../base/BufferPool.ts";
import type { LogScope } from "../base/EventLog.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import { blockLengthOf, type Geometry, segmentLength } from "../formats/Geometry.ts";
import type { Server } from "../servers/Server.ts";
import { BlockShelf } from "./BlockShelf.ts";
import { CorruptionReporter } from "./CorruptionReporter.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { inShareScope } from "./inShareScope.ts";
import { Lingering } from "./Lingering.ts";
import { notEnoughShares } from "./notEnoughShares.ts";
import { Outage } from "./Outage.ts";
import { reasonOf } from "./reasonOf.ts";
import type { Share } from "./Share.ts";
import type { ShareBlock } from "./ShareBlock.ts";
import { SharedSegment, type TakeSegment } from "./SharedSegment.ts";
import type { Finder } from "./ShareFinder.ts";
import { ShareLocations } from "./ShareLocations.ts";
import { SharePool } from "./SharePool.ts";
import { type RaceHost, type RaceRules, ShareRace } from "./ShareRace.ts";

type Serve = (ciphertext: Uint8Array<ArrayBuffer>) => void;

/** What a stream reads from. */
export interface SegmentSource {
  /** Says that a reader is at work: nothing is sought without one. The result says that it has left; after the last one has, nothing is under way for longer than a moment. */
  enter(): () => void;

  /**
   * How the file is cut up.
   * @param offset in the file, in bytes, where the first segment will be wanted
   * @throws what reading throws; the signal's reason
   */
  geometry(offset: number, signal: AbortSignal, asker?: LogScope): Promise<Geometry>;

  /**
   * Shows a segment's ciphertext, verified and without padding, to `take`. `geometry` must have resolved before.
   * @param asker whose work this becomes in the log, unless it is under way already
   * @throws GridError NOT_ENOUGH_SHARES, BAD_SEGMENT; what `take` rejects with; the signal's reason
   */
  segment<T>(segment: number, take: TakeSegment<T>, signal: AbortSignal, asker?: LogScope): Promise<T>;
}

/**
 * Gets verified ciphertext segments of one file. Serves any number of readers at once; those that want the same
 * segment share the work, those that want different ones do not wait for each other, and a failure or a cancellation of one is
 * nobody else's. What was learned of the file and its servers is kept between reads.
 *
 * It is the same for every kind of file. Where shares are looked for, and what is made of their blocks, those know that extend it.
 */
export abstract class Download<S extends Share> implements SegmentSource {
  protected readonly context: DownloadContext;
  protected readonly pool: SharePool<S>;
  protected abstract readonly finder: Finder;
  /** Where there is something that remembers them. */
  protected readonly locations: ShareLocations | undefined;
  readonly #needed: number;
  readonly #reporter: CorruptionReporter;
  readonly #races = new Set<ShareRace<S, unknown>>();
  readonly #segments = new Map<number, SharedSegment>();
  readonly #lingering: Lingering;
  readonly #outage: Outage;
  #readers = 0;
  #mustStartFresh = false;
  readonly #host: RaceHost<S>;

  /** @param code k and N of the file */
  constructor(code: { readonly needed: number; readonly total: number }, context: DownloadContext) {
    this.context = context;
    this.#needed = code.needed;
    this.locations = context.cachedFile && new ShareLocations(context.cachedFile);
    this.#reporter = new CorruptionReporter(context);
    this.pool = new SharePool(code, context);
    this.#lingering = new Lingering(context.clock, context.limits, () => this.enter());
    this.#outage = new Outage(context, () => this.startFreshIfDue());
    this.#host = {
      pool: this.pool,
      context,
      // With a map that is enough no share is held back for one that might be better.
      isPromising: () => this.finder.isPromising && !this.locations?.isEnough,
      isExhausted: () => this.finder.isExhausted,
      isDoomed: () => this.defect !== undefined,
      hungry: () => this.#seek(),
      failed: (share, error) => this.#failed(share, error),
      lagging: (share) => this.#lagging(share),
      late: (share) => this.#late(share),
      defeat: () => this.#defeat(),
    };
  }

  enter(): () => void {
    if (this.#readers++ === 0) {
      this.#reporter.resume();
      this.finder.refresh();
      this.pool.followList();
    }
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#readers--;
      if (this.#readers === 0) this.rest();
    };
  }

  abstract geometry(offset: number, signal: AbortSignal, asker?: LogScope): Promise<Geometry>;

  async segment<T>(
    segment: number,
    take: TakeSegment<T>,
    signal: AbortSignal,
    asker: LogScope = this.context.scope,
  ): Promise<T> {
    signal.throwIfAborted();
    const kept = this.context.segmentCache.get(this.context.segmentPrefix + segment);
    if (kept !== undefined) return take(kept);
    let shared = this.#segments.get(segment);
    if (shared === undefined || shared.isOver) {
      this.startFreshIfDue();
      const bytes = segmentLength(this.knownGeometry as Geometry, segment);
      this.#lingering.wanted(segment, bytes);
      const own = new SharedSegment(
        (sharedSignal, serve) =>
          this.#get(segment, serve, sharedSignal, asker).finally(() => {
            if (this.#segments.get(segment) !== own) return;
            this.#segments.delete(segment);
            this.#lingering.over(segment);
          }),
        (callOff) => this.#lingering.left(segment, bytes, callOff),
      );
      this.#segments.set(segment, own);
      shared = own;
    }
    return shared.join(take, signal);
  }

  /** How the file is cut up, once that is known. */
  protected abstract get knownGeometry(): Geometry | undefined;

  /** Why no share can help: the file itself is broken. */
  protected get defect(): unknown {
    return undefined;
  }

  /** A segment out of memory, verified. Undefined at once where it is not there. */
  protected recallSegment(_segment: number): Promise<LentBytes | undefined> | undefined {
    return undefined;
  }

  /**
   * A segment as readers are shown it, of blocks of k shares by their numbers. Undefined where it turns out that blocks that were taken on
   * trust are not good.
   */
  protected abstract decode(segment: number, blocks: ReadonlyMap<number, ShareBlock>): Promise<LentBytes | undefined>;

  /** A segment is here, or will not come. */
  protected segmentIsOver(): void {}

  /** The error with which a read gives up. */
  protected defeat(): unknown {
    return notEnoughShares(this.#needed, this.pool, this.finder);
  }

  /** The last reader has left. */
  protected rest(): void {
    this.finder.pause();
    this.pool.stop();
    this.#reporter.stop();
  }

  /** Takes a share that is said to be on a server. @returns it, unless it is known already or cannot be */
  protected take(
    server: Server,
    number: number,
    make: () => S,
    event: "share-found" | "share-remembered" = "share-found",
  ): S | undefined {
    const share = this.pool.add(server, number, make);
    if (share) this.context.scope.log("debug", event, () => ({ server: server.name, share: number }));
    return share;
  }

  /** Runs a race of the file's shares. Throws as `ShareRace.run` does. */
  protected async race<T>(rules: RaceRules<S, T>, signal: AbortSignal): Promise<Map<number, T>> {
    const race = new ShareRace<S, T>(rules, this.#host);
    this.#races.add(race as ShareRace<S, unknown>);
    try {
      this.#seek();
      return await race.run(signal);
    } finally {
      this.#races.delete(race as ShareRace<S, unknown>);
      this.#seek();
    }
  }

  /** Something changed that may matter to any race. */
  protected step(): void {
    for (const race of [...this.#races]) race.step();
    this.#seek();
  }

  /** After a failure the next read begins anew: servers may be back, shares mended. */
  protected startFreshIfDue(): void {
    if (!this.#mustStartFresh) return;
    this.#mustStartFresh = false;
    this.pool.revive();
    this.finder.restart();
    // Races of other segments may be waiting for what was just called off.
    this.#seek();
  }

  /** Shows a segment from memory, else from the grid. */
  async #get(segment: number, serve: Serve, signal: AbortSignal, asker: LogScope): Promise<void> {
    const { segmentCache, segmentPrefix } = this.context;
    const recall = this.recallSegment(segment);
    const recalled = recall && (await recall);
    try {
      signal.throwIfAborted();
      if (recalled !== undefined) {
        serve(recalled.bytes);
        segmentCache.keep(segmentPrefix + segment, recalled.bytes);
        return;
      }
    } finally {
      recalled?.release();
    }
    const showNew: Serve = (ciphertext) => {
      serve(ciphertext);
      segmentCache.keep(segmentPrefix + segment, ciphertext);
      this.context.cachedFile?.rememberSegment(segment, ciphertext);
      this.locations?.write();
    };
    await this.#fetch(segment, showNew, signal, asker);
  }

  async #fetch(segment: number, serve: Serve, signal: AbortSignal, asker: LogScope): Promise<void> {
    const { clock } = this.context;
    const log = asker.child("segment");
    const began = clock.now();
    log.log("debug", "start", () => ({ segment }));
    try {
      const shares = await this.#outage.outlast(log, signal, () => this.#decode(segment, serve, signal, log));
      signal.throwIfAborted();
      log.log("debug", "done", () => ({ segment, shares: shares.join(","), ms: clock.now() - began }));
    } catch (error) {
      log.log("info", "failed", () => ({ segment, reason: isGridError(error) ? error.code : "cancelled" }));
      throw error;
    } finally {
      this.segmentIsOver();
    }
  }

  /**
   * Serves a verified segment. Where blocks taken on trust make a wrong one, every share has to prove its own, and those that cannot are
   * replaced.
   * @returns the numbers of the shares that made it
   */
  async #decode(segment: number, serve: Serve, signal: AbortSignal, log: LogScope): Promise<number[]> {
    const { decoding, storageIndexText } = this.context;
    const geometry = this.knownGeometry as Geometry;
    const shelf = new BlockShelf<S>();
    const race = (mustProve: boolean) => {
      const rules = {
        width: geometry.needed,
        enough: geometry.needed,
        least: geometry.needed,
        bytes: blockLengthOf(geometry, segment),
        first: shelf.shares,
        due: (share: S) => share.due(segment),
        job: (share: S, jobSignal: AbortSignal) => this.#block(share, segment, shelf, mustProve, jobSignal, log),
      };
      return this.race<ShareBlock>(rules, signal);
    };
    let leave = () => {};
    try {
      for (const mustProve of [false, true]) {
        const blocks = await race(mustProve);
        leave = await decoding.take(signal);
        const decoded = await this.decode(segment, blocks);
        if (decoded !== undefined) {
          if (!signal.aborted) serve(decoded.bytes);
          decoded.release();
          return [...blocks.keys()];
        }
        leave();
        for (const share of shelf.shares) share.doubt();
      }
      throw badSegment(segment, storageIndexText);
    } finally {
      leave();
      shelf.clear();
    }
  }

  async #block(
    share: S,
    segment: number,
    shelf: BlockShelf<S>,
    mustProve: boolean,
    signal: AbortSignal,
    parent: LogScope,
  ): Promise<ShareBlock | undefined> {
    return inShareScope(share, signal, parent, async (scope) => {
      const given = shelf.of(share);
      const block = given ?? (await share.getBlock(segment, mustProve, signal, scope));
      if (block === undefined || (given && !(await given.isGood(signal, scope)))) {
        this.#sawBadBlock(share, segment);
        return undefined;
      }
      this.locations?.proven(share);
      shelf.put(share, block);
      return block;
    });
  }

  /** As many shares are sought as the file needs, and some to spare; nothing is sought while nobody reads. */
  #seek(): void {
    const { limits } = this.context;
    const missing = this.#needed + limits.spareShares - this.pool.prompt;
    const unfilled = [...this.#races].map((race) => race.unfilled);
    // Races that were called off together with the last reader end one after the other.
    const isWanted = this.#readers > 0 && this.#races.size > 0;
    this.finder.seek(isWanted ? Math.max(0, missing, ...unfilled) : 0);
  }

  #sawBadBlock(share: S, segment: number): void {
    this.pool.noteBadBlock(share, segment);
    this.context.health.of(share.server).failed();
    this.#report(share, `block ${segment} does not match its hash`);
  }

  #report(share: S, reason: string): void {
    if (share.isLasting) this.#reporter.report(share, reason);
  }

  #failed(share: S, error: unknown): void {
    // One failed request may fail several races: it counts once.
    if (this.pool.isDead(share)) return;
    const isCorrupt =
      isGridError(error, "BAD_HASH") || isGridError(error, "BAD_FORMAT") || isGridError(error, "DATA_UNAVAILABLE");
    // An authentic UEB that is nonsense is the uploader's doing, not the server's.
    // Nor is it the server's doing that a share is no longer where it was remembered.
    const isGone = share.isHearsay && isGridError(error, "SERVER_REFUSED");
    this.locations?.failed(share);
    if (this.defect === undefined && !isGone) {
      this.context.health.of(share.server).failed();
      if (isCorrupt) this.#report(share, reasonOf(error));
    }
    this.pool.kill(share, error, isCorrupt);
    this.context.scope.log("info", "share-failed", () => ({
      server: share.server.name,
      share: share.number,
      reason: reasonOf(error),
    }));
    queueMicrotask(() => this.step());
  }

  #lagging(share: S): void {
    this.pool.markLagging(share);
    this.context.scope.log("debug", "share-lagging", () => ({ server: share.server.name, share: share.number }));
    this.step();
  }

  #late(share: S): void {
    this.pool.markLate(share);
    this.locations?.failed(share);
    this.context.health.of(share.server).failed();
    this.context.scope.log("info", "share-late", () => ({ server: share.server.name, share: share.number }));
    this.step();
  }

  #defeat(): unknown {
    if (this.defect !== undefined) return this.defect;
    this.#mustStartFresh = true;
    // Now, since another segment's new start forgets what failed.
    this.#outage.defeated(this.pool.mayRecover);
    return this.defeat();
  }
}

/** Every block is what the uploader stored, but an uploader may have stored shares that decode to different files. */
function badSegment(segment: number, storageIndexText: string): GridError<"BAD_SEGMENT"> {
  const storageIndexPrefix = storageIndexText.slice(0, 12);
  return new GridError(
    "BAD_SEGMENT",
    { segment, storageIndexPrefix },
    `Segment ${segment} of the file ${storageIndexPrefix}… is not what its cap promises though its shares are intact: ` +
      "it was broken when it was uploaded.",
  );
}
