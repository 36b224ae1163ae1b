import { equalBytes } from "../base/bytes.ts";
import { clip } from "../base/clip.ts";
import { isGridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { SharedTask } from "../base/SharedTask.ts";
import type { MutableContext } from "../download/MutableContext.ts";
import { MutableDownload } from "../download/MutableDownload.ts";
import { type FoundVersion, MutableVersionFinder } from "../download/MutableVersionFinder.ts";
import type { MutableCap } from "../formats/Cap.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";

/** So long a version that was found is taken for the latest: a player's ranges come one upon the other. */
const FRESH_MS = 10_000;

/** A file that changes. It is read as the version that is the latest when it is opened. */
export class MutableFile {
  readonly #cap: MutableCap;
  readonly #context: MutableContext;
  #latest: { readonly node: FileNode; readonly until: number } | undefined;
  #finding: SharedTask<FileNode> | undefined;

  constructor(cap: MutableCap, context: MutableContext) {
    this.#cap = cap;
    this.#context = context;
  }

  /**
   * The latest version, as a file that stays as it is. Costs two round trips; none if one was found within the last ten
   * seconds. Readers at the same time share the search.
   * @throws GridError NO_VERSION; the signal's reason
   */
  async open(signal: AbortSignal): Promise<FileNode> {
    signal.throwIfAborted();
    const { clock } = this.#context;
    if (this.#latest !== undefined && clock.now() < this.#latest.until) return this.#latest.node;
    if (this.#finding === undefined || this.#finding.isAbandoned) {
      const finding = new SharedTask(async (shared) => {
        const found = await new MutableVersionFinder(this.#cap, this.#context, false).find(shared);
        const node = new MutableFileVersion(this.#cap, found, this.#context, () => {
          this.#latest = undefined;
        });
        this.#latest = { node, until: clock.now() + FRESH_MS };
        return node;
      });
      this.#finding = finding;
    }
    return this.#finding.join(signal).finally(() => {
      this.#finding = undefined;
    });
  }
}

/** One version of a mutable file. */
class MutableFileVersion implements FileNode {
  readonly size: number;
  readonly #cap: MutableCap;
  readonly #context: MutableContext;
  readonly #segmentSize: number;
  readonly #failed: () => void;
  #found: FoundVersion;
  #download: MutableDownload;

  constructor(cap: MutableCap, found: FoundVersion, context: MutableContext, failed: () => void) {
    this.size = found.version.size;
    this.#cap = cap;
    this.#context = context;
    this.#found = found;
    this.#segmentSize = found.version.segmentSize;
    this.#download = new MutableDownload(cap, found, context);
    this.#failed = failed;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { offset, length } = clip(options, this.size);
    const over = new AbortController();
    const signal = options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal]);
    let at = offset;
    let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined;
    const end = offset + length;
    const fetch = (from: number): Promise<Uint8Array<ArrayBuffer>> => {
      const segment = this.#segment(Math.floor(from / this.#segmentSize), signal);
      // A failure ahead of the consumer shows when it gets there.
      segment.catch(() => {});
      return segment;
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          signal.throwIfAborted();
          if (at >= end) return controller.close();
          const start = Math.floor(at / this.#segmentSize) * this.#segmentSize;
          const segment = ahead ?? fetch(at);
          const next = start + this.#segmentSize;
          ahead = next < end ? fetch(next) : undefined;
          const bytes = await segment;
          controller.enqueue(bytes.slice(at - start, Math.min(end - start, bytes.length)));
          at = next;
          if (at >= end) controller.close();
        },
        cancel() {
          over.abort(noLongerWanted);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Where too few of the shares at hand are good, every server is asked once for more of the same version. */
  async #segment(segment: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const download = this.#download;
    try {
      return await download.segment(segment, signal);
    } catch (error) {
      if (!isGridError(error, "NOT_ENOUGH_SHARES")) throw error;
      this.#failed();
      if (this.#download === download) await this.#lookWider(signal);
      return this.#download.segment(segment, signal);
    }
  }

  async #lookWider(signal: AbortSignal): Promise<void> {
    const found = await new MutableVersionFinder(this.#cap, this.#context, true).find(signal);
    // A newer version's bytes must not follow those of this one.
    const isSame =
      found.version.sequence === this.#found.version.sequence &&
      equalBytes(found.version.root, this.#found.version.root);
    if (!isSame) return;
    this.#found = found;
    this.#download = new MutableDownload(this.#cap, found, this.#context);
  }
}
