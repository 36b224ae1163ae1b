import type { LentBytes } from "../base/BufferPool.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { ShareLocation } from "../cache/shareMap.ts";
import type { Geometry } from "../formats/Geometry.ts";
import type { Server } from "../servers/Server.ts";
import { ChkShare } from "./ChkShare.ts";
import { Download } from "./Download.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { decodeSegment } from "./decodeSegment.ts";
import { type FileCap, FileFacts } from "./FileFacts.ts";
import { Opening } from "./Opening.ts";
import { recallSegment } from "./recallSegment.ts";
import type { ShareBlock } from "./ShareBlock.ts";
import { ShareFinder } from "./ShareFinder.ts";
import type { ShareLocations } from "./ShareLocations.ts";

/** Gets the segments of one immutable file: what proves them, and what is remembered of them, hangs on its cap. */
export class ChkDownload extends Download<ChkShare> {
  protected readonly finder: ShareFinder;
  readonly #facts: FileFacts;
  readonly #opening: Opening;

  constructor(cap: FileCap, context: DownloadContext) {
    super(cap, context);
    this.#facts = new FileFacts(cap, context.cachedFile);
    const { locations } = this;
    const recall = locations && (() => this.#recall(locations));
    this.#opening = new Opening(
      this.#facts,
      recall,
      (rules, signal) => this.race(rules, signal),
      (geometry) => context.segmentSizes.saw(geometry),
    );
    this.finder = new ShareFinder(
      context,
      cap.storageIndex,
      (server, numbers) => {
        for (const number of numbers) this.take(server, number, () => this.#share(server, number));
        this.step();
      },
      () => this.step(),
    );
  }

  /**
   * Costs two round trips the first time, in which the segment at `offset` comes along if its size was guessed right; none where the
   * file is remembered.
   * @throws GridError NOT_ENOUGH_SHARES, or BAD_FORMAT/TOO_LARGE for a file that is itself unusable; the signal's reason
   */
  override async geometry(
    offset: number,
    signal: AbortSignal,
    asker: LogScope = this.context.scope,
  ): Promise<Geometry> {
    signal.throwIfAborted();
    if (this.#facts.geometry) return this.#facts.geometry;
    this.startFreshIfDue();
    return this.#opening.join(offset, signal, asker);
  }

  protected override get knownGeometry(): Geometry | undefined {
    return this.#facts.geometry;
  }

  protected override get defect(): unknown {
    return this.#facts.defect;
  }

  protected override recallSegment(segment: number): Promise<LentBytes | undefined> | undefined {
    const { cachedFile, codec } = this.context;
    return cachedFile?.knowsSegment(segment)
      ? recallSegment(cachedFile, this.#facts, segment, codec.memory)
      : undefined;
  }

  protected override decode(segment: number, blocks: ReadonlyMap<number, ShareBlock>): Promise<LentBytes | undefined> {
    return decodeSegment(segment, blocks, this.#facts.geometry as Geometry, this.context.codec);
  }

  protected override segmentIsOver(): void {
    this.#opening.segmentIsOver();
  }

  protected override rest(): void {
    this.#opening.stop();
    super.rest();
  }

  /** Never rejects. */
  async #recall(locations: ShareLocations): Promise<void> {
    const { away, servers, scope } = this.context;
    const [shares] = await Promise.all([this.#facts.recall(), away?.recall()]);
    const take = (server: Server, { shareNumber, header }: ShareLocation) =>
      this.take(server, shareNumber, () => this.#share(server, shareNumber, header), "share-remembered");
    locations.recall(shares, servers, take, this.#facts.cap.needed);
    this.finder.postpone(locations.servers);
    scope.log("debug", "recalled", () => ({ isKnown: this.#facts.geometry !== undefined, shares: shares.length }));
  }

  #share(server: Server, number: number, header?: Uint8Array): ChkShare {
    return new ChkShare(server, number, this.#facts, this.context, header);
  }
}
