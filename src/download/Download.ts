import type { LogScope } from "../base/EventLog.ts";
import { isGridError } from "../base/GridError.ts";
import { blockLengthOf, type Geometry, segmentLength } from "../formats/Geometry.ts";
import { BlockShelf } from "./BlockShelf.ts";
import { badSegment } from "./badSegment.ts";
import { CorruptionReporter } from "./CorruptionReporter.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { decodeSegment } from "./decodeSegment.ts";
import { type FileCap, FileFacts } from "./FileFacts.ts";
import { inShareScope } from "./inShareScope.ts";
import { Lingering } from "./Lingering.ts";
import { notEnoughShares } from "./notEnoughShares.ts";
import { Opening } from "./Opening.ts";
import { Outage } from "./Outage.ts";
import { reasonOf } from "./reasonOf.ts";
import { recallSegment } from "./recallSegment.ts";
import type { Share } from "./Share.ts";
import type { ShareBlock } from "./ShareBlock.ts";
import { SharedSegment, type TakeSegment } from "./SharedSegment.ts";
import { ShareFinder } from "./ShareFinder.ts";
import { ShareLocations } from "./ShareLocations.ts";
import { SharePool } from "./SharePool.ts";
import { type RaceHost, ShareRace } from "./ShareRace.ts";

type Serve = (ciphertext: Uint8Array<ArrayBuffer>) => void;

/**
 * Gets verified ciphertext segments of one immutable file. Serves any number of readers at once; those that want the same
 * segment share the work, those that want different ones do not wait for each other, and a failure or a cancellation of one is
 * nobody else's. What was learned of the file and its servers is kept between reads.
 */
export class Download {
  readonly #facts: FileFacts;
  readonly #context: DownloadContext;
  readonly #pool: SharePool;
  readonly #finder: ShareFinder;
  readonly #reporter: CorruptionReporter;
  readonly #races = new Set<ShareRace<unknown>>();
  readonly #segments = new Map<number, SharedSegment>();
  readonly #opening: Opening;
  readonly #host: RaceHost;
  readonly #lingering: Lingering;
  #readers = 0;
  readonly #locations: ShareLocations | undefined;
  #mustStartFresh = false;
  readonly #outage: Outage;

  constructor(cap: FileCap, context: DownloadContext) {
    this.#facts = new FileFacts(cap, context.memory);
    this.#context = context;
    this.#pool = new SharePool(this.#facts, context);
    this.#locations = context.memory && new ShareLocations(context.memory);
    this.#reporter = new CorruptionReporter(context);
    this.#lingering = new Lingering(context.clock, context.limits, () => this.enter());
    this.#outage = new Outage(context, () => this.#startFreshIfDue());
    const locations = this.#locations;
    const recall = locations && (() => this.#recall(locations));
    this.#opening = new Opening(this.#facts, recall, (rules, signal) =>
      this.#run(new ShareRace(rules, this.#host), signal),
    );
    this.#finder = new ShareFinder(
      context,
      cap.storageIndex,
      (server, shareNumbers) => {
        this.#pool.add(server, shareNumbers);
        this.#step();
      },
      () => this.#step(),
    );
    this.#host = {
      pool: this.#pool,
      context,
      // With a map that is enough no share is held back for one that might be better.
      isPromising: () => this.#finder.isPromising && !this.#locations?.isEnough,
      isExhausted: () => this.#finder.isExhausted,
      isDoomed: () => this.#facts.defect !== undefined,
      hungry: () => this.#seek(),
      failed: (share, error) => this.#failed(share, error),
      lagging: (share) => this.#lagging(share),
      late: (share) => this.#late(share),
      defeat: () => this.#defeat(),
    };
  }

  /** Says that a reader is at work. The result says that it has left; after the last one has, nothing is under way for longer than a moment. */
  enter(): () => void {
    if (this.#readers++ === 0) {
      this.#reporter.resume();
      this.#finder.refresh();
      this.#pool.followList();
    }
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#readers--;
      if (this.#readers === 0) this.#rest();
    };
  }

  /**
   * How the file is cut up. Costs two round trips the first time, in which the segment at `offset` comes along if its size was
   * guessed right; none where the file is remembered.
   * @throws GridError NOT_ENOUGH_SHARES, or BAD_FORMAT/TOO_LARGE for a file that is itself unusable; the signal's reason
   */
  async geometry(offset: number, signal: AbortSignal, asker: LogScope = this.#context.scope): Promise<Geometry> {
    signal.throwIfAborted();
    if (this.#facts.geometry) return this.#facts.geometry;
    this.#startFreshIfDue();
    return this.#opening.join(offset, signal, asker);
  }

  /**
   * Shows a segment's ciphertext, verified and without padding, to `take`. `geometry` must have resolved before.
   * @param asker whose work this becomes in the log, unless it is under way already
   * @throws GridError NOT_ENOUGH_SHARES, BAD_SEGMENT; what `take` rejects with; the signal's reason
   */
  async segment<T>(
    segment: number,
    take: TakeSegment<T>,
    signal: AbortSignal,
    asker: LogScope = this.#context.scope,
  ): Promise<T> {
    signal.throwIfAborted();
    const kept = this.#context.kept.get(this.#context.keptPrefix + segment);
    if (kept !== undefined) return take(kept);
    let shared = this.#segments.get(segment);
    if (shared === undefined || shared.isOver) {
      this.#startFreshIfDue();
      const bytes = segmentLength(this.#facts.geometry as Geometry, segment);
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

  /** Never rejects. */
  async #recall(locations: ShareLocations): Promise<void> {
    const { servers, scope } = this.#context;
    const shares = await this.#facts.recall();
    locations.recall(shares, servers, this.#pool, this.#facts.cap.needed);
    this.#finder.postpone(locations.servers);
    scope.log("debug", "recalled", () => ({ isKnown: this.#facts.geometry !== undefined, shares: shares.length }));
  }

  /** Shows a segment from memory, else from the grid. */
  async #get(segment: number, serve: Serve, signal: AbortSignal, asker: LogScope): Promise<void> {
    const { memory, kept, keptPrefix, codec } = this.#context;
    const recalled = memory?.knowsSegment(segment)
      ? await recallSegment(memory, this.#facts, segment, codec.memory)
      : undefined;
    try {
      signal.throwIfAborted();
      if (recalled !== undefined) {
        serve(recalled.bytes);
        kept.keep(keptPrefix + segment, recalled.bytes);
        return;
      }
    } finally {
      recalled?.release();
    }
    const showNew: Serve = (ciphertext) => {
      serve(ciphertext);
      kept.keep(keptPrefix + segment, ciphertext);
      memory?.rememberSegment(segment, ciphertext);
      this.#locations?.write();
    };
    await this.#fetch(segment, showNew, signal, asker);
  }

  async #fetch(segment: number, serve: Serve, signal: AbortSignal, asker: LogScope): Promise<void> {
    const { clock } = this.#context;
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
      this.#opening.segmentIsOver();
    }
  }

  /**
   * Serves a verified segment. Where blocks taken on trust make a wrong one, every share has to prove its own, and those that cannot are
   * replaced.
   * @returns the numbers of the shares that made it
   */
  async #decode(segment: number, serve: Serve, signal: AbortSignal, log: LogScope): Promise<number[]> {
    const { codec, decoding, storageIndexText } = this.#context;
    const geometry = this.#facts.geometry as Geometry;
    const shelf = new BlockShelf();
    const race = (mustProve: boolean) => {
      const rules = {
        width: geometry.needed,
        enough: geometry.needed,
        least: geometry.needed,
        bytes: blockLengthOf(geometry, segment),
        first: shelf.shares,
        due: (share: Share) => share.due(segment),
        job: (share: Share, jobSignal: AbortSignal) => this.#block(share, segment, shelf, mustProve, jobSignal, log),
      };
      return this.#run(new ShareRace<ShareBlock>(rules, this.#host), signal);
    };
    let leave = () => {};
    try {
      for (const mustProve of [false, true]) {
        const blocks = await race(mustProve);
        leave = await decoding.take(signal);
        const buffer = await decodeSegment(segment, blocks, geometry, codec);
        if (buffer !== undefined) {
          if (!signal.aborted) serve(buffer.bytes.subarray(0, segmentLength(geometry, segment)));
          buffer.release();
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
    share: Share,
    segment: number,
    shelf: BlockShelf,
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
      this.#locations?.proven(share);
      shelf.put(share, block);
      return block;
    });
  }

  async #run<T>(race: ShareRace<T>, signal: AbortSignal): Promise<Map<number, T>> {
    this.#races.add(race as ShareRace<unknown>);
    try {
      this.#seek();
      return await race.run(signal);
    } finally {
      this.#races.delete(race as ShareRace<unknown>);
      this.#seek();
    }
  }

  /** Something changed that may matter to any race. */
  #step(): void {
    for (const race of [...this.#races]) race.step();
    this.#seek();
  }

  /** As many shares are sought as the file needs, and some to spare; nothing is sought while nobody reads. */
  #seek(): void {
    const { limits } = this.#context;
    const missing = this.#facts.cap.needed + limits.spareShares - this.#pool.prompt;
    const unfilled = [...this.#races].map((race) => race.unfilled);
    this.#finder.seek(this.#races.size === 0 ? 0 : Math.max(0, missing, ...unfilled));
  }

  #sawBadBlock(share: Share, segment: number): void {
    this.#pool.noteBadBlock(share, segment);
    this.#context.health.of(share.server).failed();
    this.#reporter.report(share, `block ${segment} does not match its hash`);
  }

  #failed(share: Share, error: unknown): void {
    // One failed request may fail several races: it counts once.
    if (this.#pool.isDead(share)) return;
    const isCorrupt =
      isGridError(error, "BAD_HASH") || isGridError(error, "BAD_FORMAT") || isGridError(error, "DATA_UNAVAILABLE");
    // An authentic UEB that is nonsense is the uploader's doing, not the server's.
    // Nor is it the server's doing that a share is no longer where it was remembered.
    const isGone = share.isHearsay && isGridError(error, "SERVER_REFUSED");
    this.#locations?.failed(share);
    if (this.#facts.defect === undefined && !isGone) {
      this.#context.health.of(share.server).failed();
      if (isCorrupt) this.#reporter.report(share, reasonOf(error));
    }
    this.#pool.kill(share, error, isCorrupt);
    this.#context.scope.log("info", "share-failed", () => ({
      server: share.server.name,
      share: share.number,
      reason: reasonOf(error),
    }));
    queueMicrotask(() => this.#step());
  }

  #lagging(share: Share): void {
    this.#pool.markLagging(share);
    this.#context.scope.log("debug", "share-lagging", () => ({ server: share.server.name, share: share.number }));
    this.#step();
  }

  #late(share: Share): void {
    this.#pool.markLate(share);
    this.#locations?.failed(share);
    this.#context.health.of(share.server).failed();
    this.#context.scope.log("info", "share-late", () => ({ server: share.server.name, share: share.number }));
    this.#step();
  }

  #defeat(): unknown {
    if (this.#facts.defect !== undefined) return this.#facts.defect;
    this.#mustStartFresh = true;
    // Now, since another segment's new start forgets what failed.
    this.#outage.defeated(this.#pool.mayRecover);
    return notEnoughShares(this.#facts.cap.needed, this.#pool, this.#finder);
  }

  /** After a failure the next read begins anew: servers may be back, shares mended. */
  #startFreshIfDue(): void {
    if (!this.#mustStartFresh) return;
    this.#mustStartFresh = false;
    this.#pool.revive();
    this.#finder.restart();
    // Races of other segments may be waiting for what was just called off.
    this.#seek();
  }

  #rest(): void {
    this.#opening.stop();
    this.#finder.pause();
    this.#pool.stop();
    this.#reporter.stop();
  }
}
