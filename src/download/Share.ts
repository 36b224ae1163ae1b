import type { LogScope } from "../base/EventLog.ts";
import { isGridError } from "../base/GridError.ts";
import type { ShareLocation } from "../cache/shareMap.ts";
import { type HashPage, type HashPages, pageRange } from "../hashing/HashPages.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { type Ask, type Due, Pace } from "./Pace.ts";
import type { ShareBlock } from "./ShareBlock.ts";
import { ShareBytes } from "./ShareBytes.ts";

/** What was asked of a share on a guess, and when, in the clock's milliseconds. */
export interface Speculation {
  readonly bytes: number;
  readonly at: number;
}

/**
 * One share on one server, of whatever kind of file: what was asked of it, and how that comes. Where its blocks are in it, and how they
 * are proven, those know that extend it.
 */
export abstract class Share {
  readonly server: Server;
  readonly number: number;
  protected readonly context: DownloadContext;
  protected readonly bytes: ShareBytes;
  readonly #pace: Pace;
  readonly #asks = new Map<number, Ask>();
  #pending = 0;
  #justAsked = 0;

  constructor(server: Server, number: number, context: DownloadContext) {
    this.server = server;
    this.number = number;
    this.context = context;
    this.#pace = new Pace(server, context);
    this.bytes = new ShareBytes(server, number, context, (length) => this.#pace.received(length));
  }

  /** Does it stay as it is, so that what is wrong in it is its server's fault? */
  abstract get isLasting(): boolean;

  /** Where it is, if that is worth remembering. */
  get location(): ShareLocation | undefined {
    return undefined;
  }

  /** Is all that speaks for it a memory of an earlier life? */
  get isHearsay(): boolean {
    return false;
  }

  /** Is all here that it takes to ask for a block, so that one costs one round trip whatever was guessed? */
  abstract get isOpen(): boolean;

  /** Would leaving it for another share throw away what was asked for already? */
  get isInUse(): boolean {
    return this.isOpen;
  }

  /** What was asked for on a guess, until the guess is given up. Some of it may have failed. */
  get speculation(): Speculation | undefined {
    return undefined;
  }

  /**
   * Gets a block. Unless `mustProve` it may be one that is taken on trust: its segment's hash tells whether all of its blocks were good. Any other
   * is checked here: undefined if it is corrupt. The share's other blocks may be good.
   * @throws GridError for whatever makes the whole share useless; the signal's reason
   */
  abstract getBlock(
    segment: number,
    mustProve: boolean,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<ShareBlock | undefined>;

  /** A block that was taken on trust was in a wrong segment: the share has to prove its next one again. */
  doubt(): void {}

  /** Bytes of blocks, and of what was asked for on a guess, that are not here: a new block comes after them. */
  get pendingBytes(): number {
    return this.#pending + (this.isOpen ? 0 : (this.speculation?.bytes ?? 0));
  }

  /** `pendingBytes` without those asked for at this very moment: a run of segments that is asked for together chooses alike. */
  get queuedBytes(): number {
    return this.#pending - this.#justAsked;
  }

  /**
   * When a segment's block is due if blocks keep coming as they do. Undefined where that cannot be told, as before the share is
   * open.
   */
  due(segment: number): Due | undefined {
    const ask = this.isOpen ? this.#asks.get(segment) : undefined;
    return ask && this.#pace.due(ask);
  }

  /** Was the last block that came overdue? */
  get isBehind(): boolean {
    return this.#pace.isBehind;
  }

  /** When the share last brought bytes, in the clock's milliseconds; undefined before it ever did. */
  get lastArrival(): number | undefined {
    return this.bytes.lastArrival;
  }

  /** When a request to it was last answered to the end, likewise. */
  get lastReply(): number | undefined {
    return this.bytes.lastReply;
  }

  /** Nobody reads the file any more: calls off what is still under way. */
  stop(): void {
    this.bytes.stop();
  }

  /**
   * Does what it takes to get a block, while its bytes count as asked for.
   * @param work passes them through what it is given, which notes when all of them are here
   */
  protected async asking<T>(
    segment: number,
    length: number,
    work: (arriving: <B>(bytes: Promise<B>) => Promise<B>) => Promise<T>,
  ): Promise<T> {
    this.#countPending(length);
    const ask = this.#pace.ask(length);
    this.#asks.set(segment, ask);
    try {
      return await work(async (bytes) => {
        const arrived = await bytes;
        this.#pace.came(ask);
        return arrived;
      });
    } finally {
      this.#pending -= length;
      this.#pace.leave(ask);
      if (this.#asks.get(segment) === ask) this.#asks.delete(segment);
    }
  }

  /** The block if it is good. */
  protected async proven(block: ShareBlock, signal: AbortSignal, asker: LogScope): Promise<ShareBlock | undefined> {
    let isGood = false;
    try {
      isGood = await block.isGood(signal, asker);
      return isGood ? block : undefined;
    } finally {
      if (!isGood) block.release();
    }
  }

  /** Bytes of the share. Throws as ShareBytes does. */
  protected read(
    offset: number,
    length: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.bytes.read(offset, length, signal, asker);
  }

  /** A leaf's hash: at once where the pages on the way to it are known, else after they are read from this share and verified. */
  protected leaf(
    tree: HashPages,
    treeOffset: number,
    leaf: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Uint8Array | Promise<Uint8Array> {
    return tree.leaf(leaf) ?? this.#readLeaf(tree, treeOffset, leaf, signal, asker);
  }

  #countPending(length: number): void {
    this.#pending += length;
    if (this.#justAsked === 0) {
      queueMicrotask(() => {
        this.#justAsked = 0;
      });
    }
    this.#justAsked += length;
  }

  async #readLeaf(
    tree: HashPages,
    treeOffset: number,
    leaf: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<Uint8Array> {
    const pages = tree.missing(leaf);
    const ahead = pages.length === 0 ? [] : tree.ahead(leaf);
    const read = (page: HashPage) => {
      const { offset, length } = pageRange(page);
      return this.read(treeOffset + offset, length, signal, asker);
    };
    // Neighbours, so one request.
    const contentsAhead = Promise.allSettled(ahead.map(read));
    const contents = await Promise.all(pages.map(read));
    for (const [i, page] of pages.entries()) {
      // Top down: each page is verified against the one above, unless that left the tree's memory in the meantime.
      const isAboveGone = tree.missing(leaf).some(({ level }) => level < page.level);
      if (!isAboveGone) tree.accept(page, contents[i] as Uint8Array);
    }
    for (const [i, outcome] of (await contentsAhead).entries()) {
      if (outcome.status === "fulfilled") acceptIfGood(tree, ahead[i] as HashPage, outcome.value);
    }
    return this.leaf(tree, treeOffset, leaf, signal, asker);
  }
}

/** A page that nobody needs yet: where it is bad, that shows when it is fetched again for whoever does. */
function acceptIfGood(tree: HashPages, page: HashPage, bytes: Uint8Array): void {
  try {
    tree.accept(page, bytes);
  } catch (error) {
    if (!isGridError(error)) throw error;
  }
}
