import { badFormat } from "../base/badFormat.ts";
import { equalBytes } from "../base/bytes.ts";
import type { LogScope } from "../base/EventLog.ts";
import { isServersOwn } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { SharedTask } from "../base/SharedTask.ts";
import { Spans } from "../base/Spans.ts";
import type { ShareLocation } from "../cache/shareMap.ts";
import { blockLengthOf, blockOffset, type Geometry } from "../formats/Geometry.ts";
import { parseShareHashChain } from "../formats/ShareHashChain.ts";
import {
  HEADER_LENGTH_V1,
  HEADER_LENGTH_V2,
  parseShareLayout,
  parseUebLength,
  predictShareLayout,
  type ShareLayout,
} from "../formats/ShareLayout.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { FileFacts } from "./FileFacts.ts";
import { predictRanges, rangesFor } from "./predictRanges.ts";
import { segmentsPerRun } from "./runs.ts";
import { Share, type Speculation } from "./Share.ts";
import { ShareBlock } from "./ShareBlock.ts";

/** One share of an immutable file: where things are in it, and what proves them. */
export class ChkShare extends Share {
  readonly #facts: FileFacts;
  #opening: SharedTask<ShareLayout> | undefined;
  #layout: ShareLayout | undefined;
  /** The layout as it was remembered, before anything has been proven with it. */
  #hint: ShareLayout | undefined;
  #header: Uint8Array | undefined;
  #isProven = false;
  /** Are its blocks taken on trust? */
  #isTrusted = false;
  #wasBad = false;
  #speculation: Speculation | undefined;

  /** @param header as it was when the share was last read, if that is remembered: a hint */
  constructor(server: Server, number: number, facts: FileFacts, context: DownloadContext, header?: Uint8Array) {
    super(server, number, context);
    this.#facts = facts;
    if (header !== undefined) this.#believe(header);
  }

  override get isLasting(): boolean {
    return true;
  }

  /** Known of old, or since a block of it was proven. */
  override get location(): ShareLocation | undefined {
    if (this.#header === undefined || !(this.#isProven || this.isHearsay)) return undefined;
    return { serverId: this.server.id, shareNumber: this.number, header: this.#header };
  }

  override get isHearsay(): boolean {
    return this.#hint !== undefined && !this.#isProven;
  }

  /** Are its header, the UEB and its chain here, so that a block costs one round trip whatever was guessed? */
  override get isOpen(): boolean {
    return this.#layout !== undefined;
  }

  /** Is it open, or being opened, so that leaving it for another share would throw away what was asked for already? */
  override get isInUse(): boolean {
    return this.isOpen || (this.#opening !== undefined && !this.#opening.isAbandoned);
  }

  override get speculation(): Speculation | undefined {
    return this.#speculation;
  }

  override doubt(): void {
    this.#isTrusted = false;
  }

  /** Asks for what a read from `offset` of the file will probably need, until the signal is aborted. */
  speculate(offset: number, signal: AbortSignal, asker: LogScope): void {
    if (this.isOpen || signal.aborted) return;
    const { clock, limits, segmentSizes } = this.context;
    const ranges = predictRanges(this.#facts.cap, offset, segmentSizes.likely, limits);
    this.#speculation = { bytes: new Spans(ranges).count(), at: clock.now() };
    const release = this.bytes.speculate(ranges, asker);
    const forget = () => {
      this.#speculation = undefined;
      release();
    };
    signal.addEventListener("abort", forget, { once: true });
  }

  /**
   * Learns where things are in the share, the UEB where nobody knows it yet, and the root of its block hash tree.
   * @throws GridError for whatever makes the share useless; the signal's reason
   */
  async open(signal: AbortSignal, asker: LogScope): Promise<void> {
    await this.#opened(signal, asker);
  }

  /**
   * Blocks of a share that has given a good one, and none that was not, are taken on trust unless `mustProve`: without their hashes.
   */
  override async getBlock(
    segment: number,
    mustProve: boolean,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<ShareBlock | undefined> {
    const isOnTrust = !mustProve && this.#isTrusted;
    const recall = this.#facts.recallPages(segment, isOnTrust ? undefined : this.number);
    if (recall !== undefined) {
      await recall;
      signal.throwIfAborted();
    }
    if (!this.isHearsay) return this.#readBlock(segment, isOnTrust, signal, asker);
    let block: ShareBlock | undefined;
    try {
      block = await this.#readBlock(segment, isOnTrust, signal, asker);
    } catch (error) {
      if (signal.aborted || this.#isProven || isServersOwn(error)) throw error;
    }
    if (block !== undefined || this.#isProven) return block;
    // It may be the memory that is wrong, and not the share.
    if (this.#hint !== undefined && this.#layout === this.#hint) this.#layout = undefined;
    this.#hint = undefined;
    return this.#readBlock(segment, isOnTrust, signal, asker);
  }

  /** A header that makes no sense, or is of no use without the chain, is as good as none. */
  #believe(header: Uint8Array): void {
    if (this.#facts.geometry === undefined || this.#facts.shareTree.leaf(this.number) === undefined) return;
    try {
      this.#layout = parseShareLayout(header);
    } catch {
      return;
    }
    this.#hint = this.#layout;
    this.#header = header;
  }

  async #readBlock(
    segment: number,
    isOnTrust: boolean,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<ShareBlock | undefined> {
    const { geometry } = this.#facts;
    if (geometry === undefined)
      throw new Error("A defect in gridfetch: a block was asked for before the UEB was known");
    const length = blockLengthOf(geometry, segment);
    this.#cutBlocks(geometry);
    const release = this.bytes.speculate(this.isOpen ? [] : this.#guess(geometry, segment), asker);
    try {
      return await this.asking(segment, length, async (arriving) => {
        const layout = await this.#opened(signal, asker);
        const [ciphertextHash, pieces] = await Promise.all([
          this.leaf(this.#facts.ciphertextTree, layout.ciphertextTreeOffset, segment, signal, asker),
          arriving(this.bytes.readPieces(layout.dataOffset + blockOffset(geometry, segment), length, signal, asker)),
          isOnTrust ? undefined : this.#blockHash(layout, segment, signal, asker),
        ]);
        const block = this.#blockOf(segment, length, pieces, ciphertextHash, layout);
        return isOnTrust ? block : await this.proven(block, signal, asker);
      });
    } finally {
      release();
    }
  }

  #blockOf(
    segment: number,
    length: number,
    pieces: readonly Uint8Array[],
    ciphertextHash: Uint8Array,
    layout: ShareLayout,
  ): ShareBlock {
    return new ShareBlock(pieces, length, this.context.codec.memory, ciphertextHash, async (hash, signal, asker) => {
      const promised = await this.#blockHash(layout, segment, signal, asker);
      // Nobody waits for it any more: its memory may be another's.
      signal.throwIfAborted();
      const isGood = equalBytes(await hash(), promised);
      signal.throwIfAborted();
      this.#isProven ||= isGood;
      this.#wasBad ||= !isGood;
      this.#isTrusted = !this.#wasBad;
      return isGood;
    });
  }

  #blockHash(
    layout: ShareLayout,
    segment: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Uint8Array | Promise<Uint8Array> {
    return this.leaf(this.#facts.blockTree(this.number), layout.blockTreeOffset, segment, signal, asker);
  }

  #guess(geometry: Geometry, segment: number): ByteRange[] {
    const trees = [this.#facts.ciphertextTree, this.#facts.blockTree(this.number)] as const;
    const [ciphertextPages, blockPages] = trees.map((tree) => tree.missing(segment));
    return rangesFor(geometry, segment, this.context.limits, { ciphertextPages, blockPages }, this.#facts.shareVersion);
  }

  /** What is asked of a share in one request begins and ends where runs of segments do. */
  #cutBlocks(geometry: Geometry): void {
    const { dataOffset } = this.#layout ?? predictShareLayout(geometry, this.#facts.shareVersion);
    this.bytes.cutBy({
      offset: dataOffset,
      length: segmentsPerRun(geometry, this.context.limits) * geometry.blockLength,
      end: dataOffset + geometry.shareDataLength,
    });
  }

  async #opened(signal: AbortSignal, asker: LogScope): Promise<ShareLayout> {
    if (this.#layout) return this.#layout;
    // One that failed counts as abandoned: the share may get a second chance.
    if (this.#opening === undefined || this.#opening.isAbandoned)
      this.#opening = new SharedTask((shared) => this.#open(shared, asker));
    return this.#opening.join(signal);
  }

  async #open(signal: AbortSignal, asker: LogScope): Promise<ShareLayout> {
    const layout = await this.#readHeader(signal, asker);
    // The UEB is read from this share only while none is known; its chain only while no copy has proven the leaf.
    const isUebKnown = this.#facts.geometry !== undefined;
    const isLeafKnown = isUebKnown && this.#facts.shareTree.leaf(this.number) !== undefined;
    const [chain] = await Promise.all([
      isLeafKnown
        ? undefined
        : this.bytes.read(layout.chainOffset, layout.uebOffset - layout.chainOffset, signal, asker),
      isUebKnown ? undefined : this.#readUeb(layout, signal, asker),
    ]);
    if (chain) this.#proveLeaf(chain);
    this.#layout = layout;
    this.#facts.shareVersion ??= layout.version;
    return layout;
  }

  #proveLeaf(chain: Uint8Array): void {
    const { shareTree } = this.#facts;
    if (shareTree.leaf(this.number) !== undefined) return;
    this.#facts.acceptChain(parseShareHashChain(chain));
    // A chain may be consistent and yet be another share's: then this one's leaf is still unknown.
    if (shareTree.leaf(this.number) === undefined) {
      throw badFormat("share hash chain", `it does not prove share ${this.number}`);
    }
  }

  async #readHeader(signal: AbortSignal, asker: LogScope): Promise<ShareLayout> {
    const short = await this.bytes.read(0, HEADER_LENGTH_V1, signal, asker);
    const isLong = short[3] === 2;
    this.#header = isLong ? await this.bytes.read(0, HEADER_LENGTH_V2, signal, asker) : short;
    return parseShareLayout(this.#header);
  }

  async #readUeb(layout: ShareLayout, signal: AbortSignal, asker: LogScope): Promise<void> {
    const prefix = await this.bytes.read(layout.uebOffset, layout.uebLengthBytes, signal, asker);
    const length = parseUebLength(layout, prefix);
    const ueb = await this.bytes.read(layout.uebOffset + layout.uebLengthBytes, length, signal, asker);
    this.#facts.acceptUeb(ueb);
  }
}
