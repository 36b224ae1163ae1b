import type { LentBytes } from "../base/BufferPool.ts";
import { badFormat } from "../base/badFormat.ts";
import { equalBytes } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import type { MutableCap } from "../formats/Cap.ts";
import { blockLengthOf, type Geometry, makeGeometry, segmentLength } from "../formats/Geometry.ts";
import { type MutableVersion, SALT_LENGTH, saltLengthOf } from "../formats/mutableHeader.ts";
import { Download } from "./Download.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { MutableShare } from "./MutableShare.ts";
import type { FoundVersion } from "./MutableVersionFinder.ts";
import type { ShareBlock } from "./ShareBlock.ts";
import { WiderSearch } from "./WiderSearch.ts";

/** Hears what a version's reads find out. */
export interface VersionEvents {
  /** Too few of its shares could be used. */
  failed(): void;
  /** Another version is the latest now. */
  changed(found: FoundVersion): void;
}

/**
 * Gets the segments of one version of a mutable file: each is its ciphertext, and after that the salt of its key. No share of another version is
 * ever taken.
 */
export class MutableDownload extends Download<MutableShare> {
  protected readonly finder: WiderSearch;
  readonly #version: MutableVersion;
  readonly #signed: Uint8Array;
  readonly #geometry: Geometry | undefined;
  readonly #events: VersionEvents;
  #hasChanged = false;

  constructor(cap: MutableCap, found: FoundVersion, context: DownloadContext, events: VersionEvents) {
    // A share to spare is not worth a search of all servers.
    super(found.version, { ...context, limits: { ...context.limits, spareShares: 0 } });
    this.#version = found.version;
    this.#signed = found.signed;
    const { size, segmentSize, needed, total } = found.version;
    this.#geometry = size === 0 ? undefined : makeGeometry({ size, segmentSize, needed, total });
    this.#events = events;
    this.finder = new WiderSearch(cap, context, {
      share: (share) => this.#saw(share),
      version: (latest, silent) => this.#sawVersion(latest, silent),
      over: () => this.step(),
    });
    this.renew(found);
  }

  /** Goes on with shares of this version that were found just now. */
  renew({ shares }: FoundVersion): void {
    this.pool.revive();
    for (const share of shares) this.#saw(share);
  }

  /** Known since it was opened, unless it is empty. */
  override async geometry(): Promise<Geometry> {
    return this.#geometry as Geometry;
  }

  protected override get knownGeometry(): Geometry | undefined {
    return this.#geometry;
  }

  protected override async decode(
    segment: number,
    blocks: ReadonlyMap<number, ShareBlock>,
  ): Promise<LentBytes | undefined> {
    const salts = [...blocks.values()].map(({ ofSegment }) => ofSegment);
    const [salt] = salts;
    if (salt === undefined || salts.some((other) => !equalBytes(other, salt))) {
      throw badFormat("mutable file", `the shares have different salts for segment ${segment}`);
    }
    const geometry = this.#geometry as Geometry;
    const { memory } = this.context.codec;
    const front = saltLengthOf(this.#version);
    const padded = geometry.needed * blockLengthOf(geometry, segment);
    const buffer = memory.take(padded + SALT_LENGTH);
    const bytes = new Map([...blocks].map(([number, block]) => [number, block.bytes.subarray(front)]));
    this.context.codec.decode(geometry, bytes, buffer.subarray(0, padded));
    const length = segmentLength(geometry, segment);
    buffer.set(salt, length);
    return { bytes: buffer.subarray(0, length + SALT_LENGTH), release: () => memory.give(buffer) };
  }

  protected override defeat(): unknown {
    if (this.#hasChanged) return fileChanged();
    this.#events.failed();
    return super.defeat();
  }

  #saw(share: MutableShare): void {
    if (!equalBytes(share.header.signed, this.#signed)) return;
    if (this.take(share.server, share.number, () => share)) this.step();
  }

  /**
   * A newer version's bytes must not follow those of this one. An older one is the latest only if nobody is silent: those who hold this one may
   * just be away.
   */
  #sawVersion(latest: FoundVersion, silent: number): void {
    const isOther = !equalBytes(latest.signed, this.#signed);
    if (!isOther || (silent > 0 && latest.version.sequence < this.#version.sequence)) return;
    this.#hasChanged = true;
    this.#events.changed(latest);
  }
}

function fileChanged(): GridError<"FILE_CHANGED"> {
  return new GridError(
    "FILE_CHANGED",
    {},
    "This file was overwritten while it was being read. Read it again from its start.",
  );
}
