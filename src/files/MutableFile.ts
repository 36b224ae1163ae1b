import { equalBytes } from "../base/bytes.ts";
import { clip } from "../base/clip.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { SharedTask } from "../base/SharedTask.ts";
import { toStream } from "../base/toStream.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { MutableDownload } from "../download/MutableDownload.ts";
import { type FoundVersion, MutableVersionFinder } from "../download/MutableVersionFinder.ts";
import { stillStands } from "../download/stillStands.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { MutableCap } from "../formats/Cap.ts";
import type { MutableVersion } from "../formats/mutableHeader.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";

/**
 * So long after a search it is enough that those who hold the version found still do. Shares of a newer one may turn up on servers
 * that were away, so that after this it is searched for anew.
 */
const FRESH_MS = 10_000;

/** A file that changes. It is read as the version that is the latest when it is opened. */
export class MutableFile {
  readonly #cap: MutableCap;
  readonly #context: DownloadContext;
  #latest: { readonly node: MutableFileVersion; readonly until: number } | undefined;
  /** Under way, and the one after it, which has not begun. */
  #looking: SharedTask<FileNode> | undefined;
  #next: SharedTask<FileNode> | undefined;

  constructor(cap: MutableCap, context: DownloadContext) {
    this.#cap = cap;
    this.#context = context;
  }

  /**
   * The version that is the latest now, as a file that stays as it is. Costs two round trips; one if there was a search within the
   * last ten seconds. Who comes while that is under way shares the next look with all others who do: the one that has begun may
   * have missed what was written since.
   * @throws GridError NO_VERSION; the signal's reason
   */
  async open(signal: AbortSignal): Promise<FileNode> {
    signal.throwIfAborted();
    if (this.#next === undefined || this.#next.isAbandoned) this.#next = this.#lookAfter(this.#looking);
    return this.#next.join(signal);
  }

  #lookAfter(before: SharedTask<FileNode> | undefined): SharedTask<FileNode> {
    const look = new SharedTask<FileNode>(async (signal) => {
      // Whatever came of it.
      await before?.join(signal).catch(() => {});
      signal.throwIfAborted();
      this.#looking = look;
      this.#next = undefined;
      return this.#look(signal);
    });
    return look;
  }

  async #look(signal: AbortSignal): Promise<FileNode> {
    const latest = this.#latest;
    const isFresh = latest !== undefined && this.#context.clock.now() < latest.until;
    if (isFresh && (await latest.node.stillStands(signal))) return latest.node;
    return this.#take(await new MutableVersionFinder(this.#cap, this.#context, false).find(signal));
  }

  /** A version that was known before stays the same file: what was made of its content still holds. */
  #take(found: FoundVersion): FileNode {
    const until = this.#context.clock.now() + FRESH_MS;
    if (this.#latest?.node.renew(found)) {
      this.#latest = { ...this.#latest, until };
      return this.#latest.node;
    }
    const node = new MutableFileVersion(this.#cap, found, this.#context, {
      failed: () => {
        this.#latest = undefined;
      },
      changed: (other) => this.#take(other),
    });
    this.#latest = { node, until };
    return node;
  }
}

/** Hears what a version's reads find out. */
interface VersionEvents {
  /** Too few of its shares could be used. */
  failed(): void;
  /** Another version is the latest now. */
  changed(found: FoundVersion): void;
}

/** One version of a mutable file. */
class MutableFileVersion implements FileNode {
  readonly size: number;
  readonly version: string;
  readonly #cap: MutableCap;
  readonly #context: DownloadContext;
  readonly #segmentSize: number;
  readonly #events: VersionEvents;
  #found: FoundVersion;
  #download: MutableDownload;
  #lookingWider: SharedTask<void> | undefined;
  #hasChanged = false;

  constructor(cap: MutableCap, found: FoundVersion, context: DownloadContext, events: VersionEvents) {
    this.size = found.version.size;
    this.version = `${found.version.sequence}-${encodeBase32(found.version.root)}`;
    this.#cap = cap;
    this.#context = context;
    this.#found = found;
    this.#segmentSize = found.version.segmentSize;
    this.#download = new MutableDownload(cap, found, context);
    this.#events = events;
  }

  /** Is it still what its servers hold? Costs a round trip. @throws the signal's reason */
  stillStands(signal: AbortSignal): Promise<boolean> {
    return stillStands(this.#found, this.#context, signal);
  }

  /** Goes on with the shares that were found just now. @returns whether they are of this version */
  renew(found: FoundVersion): boolean {
    if (!isSameVersion(found.version, this.#found.version)) return false;
    this.#found = found;
    this.#download = new MutableDownload(this.#cap, found, this.#context);
    return true;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const range = clip(options, this.size);
    return toStream((signal) => this.#pieces(range, signal), options.signal);
  }

  /** The plaintext, a segment's worth at a time or less; the next segment is asked for before the consumer wants it. */
  async *#pieces({ offset, length }: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const end = offset + length;
    const fetch = (from: number): Promise<Uint8Array<ArrayBuffer>> => {
      const segment = this.#segment(Math.floor(from / this.#segmentSize), signal);
      // A failure ahead of the consumer shows when it gets there.
      segment.catch(() => {});
      return segment;
    };
    let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined;
    for (let at = offset, next: number; at < end; at = next) {
      const start = Math.floor(at / this.#segmentSize) * this.#segmentSize;
      next = start + this.#segmentSize;
      const segment = ahead ?? fetch(at);
      ahead = next < end ? fetch(next) : undefined;
      const bytes = await segment;
      yield bytes.slice(at - start, Math.min(end - start, bytes.length));
    }
  }

  /** Where too few of the shares at hand are good, every server is asked once for more of the same version. */
  async #segment(segment: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const download = this.#download;
    try {
      return await download.segment(segment, signal);
    } catch (error) {
      if (!isGridError(error, "NOT_ENOUGH_SHARES")) throw error;
      if (this.#download === download && !this.#hasChanged) await this.#lookWider(signal);
      // A newer version's bytes must not follow those of this one.
      if (this.#hasChanged) throw fileChanged();
      return this.#download.segment(segment, signal);
    }
  }

  /** Once for all reads that fail at the same time. */
  #lookWider(signal: AbortSignal): Promise<void> {
    if (this.#lookingWider === undefined || this.#lookingWider.isAbandoned) {
      this.#events.failed();
      this.#lookingWider = new SharedTask(async (shared) => {
        const found = await new MutableVersionFinder(this.#cap, this.#context, true).find(shared);
        this.#lookingWider = undefined;
        if (this.renew(found)) return;
        this.#hasChanged = true;
        this.#events.changed(found);
      });
    }
    return this.#lookingWider.join(signal);
  }
}

function isSameVersion(a: MutableVersion, b: MutableVersion): boolean {
  return a.sequence === b.sequence && equalBytes(a.root, b.root);
}

function fileChanged(): GridError<"FILE_CHANGED"> {
  return new GridError(
    "FILE_CHANGED",
    {},
    "This file was overwritten while it was being read. Read it again from its start.",
  );
}
