import { badHash } from "../base/badHash.ts";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { ByteRange } from "../base/range.ts";
import { type MutableHeader, mutableBlockRange, mutableSegmentCount, saltLengthOf } from "../formats/mutableHeader.ts";
import { fingerprintOf } from "../formats/mutableKeys.ts";
import { parseShareHashChain } from "../formats/ShareHashChain.ts";
import { HashPages } from "../hashing/HashPages.ts";
import type { HashTree } from "../hashing/HashTree.ts";
import { HASH_LENGTH } from "../hashing/taggedHash.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { Share } from "./Share.ts";
import { ShareBlock } from "./ShareBlock.ts";

/** Pages of 8 KiB: a reader goes on in one place. */
const BLOCK_TREE_PAGES = 4;

/** One share of a version of a mutable file: its blocks hash up to the root that is signed. */
export class MutableShare extends Share {
  readonly header: MutableHeader;
  readonly #start: Uint8Array;
  readonly #shareTree: HashTree;
  readonly #blockTree: HashPages;

  /**
   * @param start the share's first bytes, or all of it: what is in them is not asked for again
   * @param shareTree of the share's version, with the root that its header names
   */
  constructor(
    server: Server,
    number: number,
    header: MutableHeader,
    start: Uint8Array,
    shareTree: HashTree,
    context: DownloadContext,
  ) {
    super(server, number, context);
    this.header = header;
    this.#start = start;
    this.#shareTree = shareTree;
    const leaves = Math.max(1, mutableSegmentCount(header.version));
    this.#blockTree = new HashPages(leaves, `block hash tree of share ${number}`, BLOCK_TREE_PAGES);
  }

  /** It may be overwritten at any time. */
  override get isLasting(): boolean {
    return false;
  }

  /** It was found by its header. */
  override get isOpen(): boolean {
    return true;
  }

  /**
   * Did the holder of the file's key sign this share's version?
   * @throws GridError BAD_HASH for another's key or a wrong signature; what reading throws
   */
  async checkSignature(fingerprint: Uint8Array, signal: AbortSignal, asker: LogScope): Promise<void> {
    const { publicKey, signature, signed } = this.header;
    const spki = await this.#readRange(publicKey, signal, asker);
    if (!equalBytes(fingerprintOf(spki), fingerprint)) throw badHash(`the public key in share ${this.number}`);
    const isRight = await verifyPss(spki, await this.#readRange(signature, signal, asker), signed);
    if (!isRight) throw badHash(`the signature in share ${this.number}`);
  }

  /** Every block proves itself: nothing says of a segment as a whole whether it is right. */
  override getBlock(
    segment: number,
    _mustProve: boolean,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<ShareBlock | undefined> {
    const { version, blockTree } = this.header;
    const { offset, length } = mutableBlockRange(this.header, segment);
    const saltLength = saltLengthOf(version);
    return this.asking(segment, length, async (arriving) => {
      const [promised, ownSalt, pieces] = await Promise.all([
        this.#provePath(signal, asker).then(() => this.leaf(this.#blockTree, blockTree.offset, segment, signal, asker)),
        this.read(offset, saltLength, signal, asker),
        arriving(this.#pieces(offset + saltLength, length - saltLength, signal, asker)),
      ]);
      const salt = version.salt ?? ownSalt;
      const block = new ShareBlock([ownSalt, ...pieces], length, this.context.codec.memory, salt, async (hash) =>
        equalBytes(await hash(), promised),
      );
      return this.proven(block, signal, asker);
    });
  }

  /** What is in the share's start needs no request. */
  protected override async read(
    offset: number,
    length: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return concatBytes(await this.#pieces(offset, length, signal, asker));
  }

  async #pieces(offset: number, length: number, signal: AbortSignal, asker: LogScope): Promise<readonly Uint8Array[]> {
    if (offset + length <= this.#start.length) return [this.#start.subarray(offset, offset + length)];
    return this.bytes.readPieces(offset, length, signal, asker);
  }

  #readRange({ offset, length }: ByteRange, signal: AbortSignal, asker: LogScope): Promise<Uint8Array<ArrayBuffer>> {
    return this.read(offset, length, signal, asker);
  }

  /** The block hash tree's own root is a leaf of the share hash tree, which the chain leads up to the signed root. */
  async #provePath(signal: AbortSignal, asker: LogScope): Promise<void> {
    if (this.#blockTree.hasRoot) return;
    const { chain, blockTree } = this.header;
    const [chainBytes, root] = await Promise.all([
      this.#readRange(chain, signal, asker),
      this.read(blockTree.offset, HASH_LENGTH, signal, asker),
    ]);
    // Of one share in all, the chain is empty.
    const siblings = chainBytes.length === 0 ? [] : parseShareHashChain(chainBytes);
    this.#shareTree.add([...siblings, [this.#shareTree.firstLeaf + this.number, root]]);
    this.#blockTree.setRoot(root);
  }
}

/** RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes, as Tahoe-LAFS signs. */
async function verifyPss(
  spki: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("spki", spki, algorithm, false, ["verify"]);
  return crypto.subtle.verify({ name: "RSA-PSS", saltLength: 32 }, key, signature, signed);
}
