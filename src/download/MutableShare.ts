import { badHash } from "../base/badHash.ts";
import { equalBytes } from "../base/bytes.ts";
import type { ByteRange } from "../base/range.ts";
import { type MutableHeader, mutableBlockRange, mutableSegmentCount, splitSalt } from "../formats/mutableHeader.ts";
import { fingerprintOf } from "../formats/mutableKeys.ts";
import { parseShareHashChain } from "../formats/ShareHashChain.ts";
import { HashPages, pageRange } from "../hashing/HashPages.ts";
import type { HashTree } from "../hashing/HashTree.ts";
import { HASH_LENGTH, taggedHash } from "../hashing/taggedHash.ts";
import { BLOCK_TAG } from "../hashing/tags.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { ShareBytes } from "./ShareBytes.ts";

/** A block that hashes up to the signed root, and the salt that is proven with it. */
export interface SaltedBlock {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly block: Uint8Array<ArrayBuffer>;
}

/** Pages of 8 KiB: a reader goes on in one place. */
const BLOCK_TREE_PAGES = 4;

/** One share of a version of a mutable file, on one server. */
export class MutableShare {
  readonly server: Server;
  readonly number: number;
  readonly header: MutableHeader;
  readonly #start: Uint8Array;
  readonly #bytes: ShareBytes;
  readonly #blockTree: HashPages;

  /** @param start the share's first bytes, or all of it: what is in them is not asked for again */
  constructor(server: Server, number: number, header: MutableHeader, start: Uint8Array, context: DownloadContext) {
    this.server = server;
    this.number = number;
    this.header = header;
    this.#start = start;
    this.#bytes = new ShareBytes(server, number, context);
    const leaves = Math.max(1, mutableSegmentCount(header.version));
    this.#blockTree = new HashPages(leaves, `block hash tree of share ${number}`, BLOCK_TREE_PAGES);
  }

  /**
   * Did the holder of the file's key sign this share's version?
   * @throws GridError BAD_HASH for another's key or a wrong signature; what reading throws
   */
  async checkSignature(fingerprint: Uint8Array, signal: AbortSignal): Promise<void> {
    const { publicKey, signature, signed } = this.header;
    const spki = await this.#read(publicKey, signal);
    if (!equalBytes(fingerprintOf(spki), fingerprint)) throw badHash(`the public key in share ${this.number}`);
    const isRight = await verifyPss(spki, await this.#read(signature, signal), signed);
    if (!isRight) throw badHash(`the signature in share ${this.number}`);
  }

  /**
   * A segment's block.
   * @param shareTree of the share's version, with its signed root
   * @throws GridError for whatever makes the share useless; the signal's reason
   */
  async block(segment: number, shareTree: HashTree, signal: AbortSignal): Promise<SaltedBlock> {
    await this.#provePath(shareTree, signal);
    const [leaf, bytes] = await Promise.all([
      this.#provenLeaf(segment, signal),
      this.#read(mutableBlockRange(this.header, segment), signal),
    ]);
    const { salt, block } = splitSalt(this.header.version, bytes);
    // Hashed at once: mutable files are small, and their blocks of 44 KiB take half a millisecond each.
    const hash =
      this.header.version.format === "MDMF" ? taggedHash(BLOCK_TAG, salt, block) : taggedHash(BLOCK_TAG, block);
    if (!equalBytes(hash, leaf)) throw badHash(`block ${segment} of share ${this.number}`);
    return { salt, block };
  }

  /** The block hash tree's own root is a leaf of the share hash tree, which the chain leads up to the signed root. */
  async #provePath(shareTree: HashTree, signal: AbortSignal): Promise<void> {
    if (this.#blockTree.hasRoot) return;
    const { chain, blockTree } = this.header;
    const [chainBytes, root] = await Promise.all([
      this.#read(chain, signal),
      this.#read({ offset: blockTree.offset, length: HASH_LENGTH }, signal),
    ]);
    // Of one share in all, the chain is empty.
    const siblings = chainBytes.length === 0 ? [] : parseShareHashChain(chainBytes);
    shareTree.add([...siblings, [shareTree.firstLeaf + this.number, root]]);
    this.#blockTree.setRoot(root);
  }

  async #provenLeaf(leaf: number, signal: AbortSignal): Promise<Uint8Array> {
    for (const page of this.#blockTree.missing(leaf)) {
      const { offset, length } = pageRange(page);
      const bytes = await this.#read({ offset: this.header.blockTree.offset + offset, length }, signal);
      this.#blockTree.accept(page, bytes);
    }
    return this.#blockTree.leaf(leaf) ?? this.#provenLeaf(leaf, signal);
  }

  async #read(range: ByteRange, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { offset, length } = range;
    if (offset + length <= this.#start.length) return this.#start.slice(offset, offset + length);
    return this.#bytes.read(offset, length, signal);
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
