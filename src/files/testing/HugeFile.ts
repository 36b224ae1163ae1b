import { createCipheriv } from "node:crypto";
import { zfecTypeScript } from "../../erasure/zfecTypeScript.ts";
import type { ChkCap } from "../../formats/Cap.ts";
import { blockLengthOf, type Geometry, makeGeometry, segmentLength } from "../../formats/Geometry.ts";
import { formatShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatInteger, formatShareHeader, predictShareLayout, type ShareLayout } from "../../formats/ShareLayout.ts";
import { storageIndexOf, storageIndexText } from "../../formats/storageIndex.ts";
import { formatUeb } from "../../formats/Ueb.ts";
import { buildHashTree } from "../../hashing/buildHashTree.ts";
import { levelOf, parentHash } from "../../hashing/merkle.ts";
import { HASH_LENGTH, taggedHash } from "../../hashing/taggedHash.ts";
import { BLOCK_TAG, SEGMENT_TAG, UEB_TAG } from "../../hashing/tags.ts";
import type { SimulatedGrid } from "./SimulatedGrid.ts";
import { patternBytes } from "./SimulatedGrid.ts";

const CODE = { needed: 2, total: 4 };
const SEGMENT_SIZE = 131072;
const TAIL_LENGTH = SEGMENT_SIZE - 1;

/**
 * A file of up to 2^53-1 bytes whose shares are computed where they are read. Its ciphertext is zeroes in every segment but a
 * few, so all nodes of a level of its hash trees are alike except those above these few.
 */
export class HugeFile {
  readonly size: number;
  readonly cap: ChkCap;
  readonly storageIndexText: string;
  readonly geometry: Geometry;
  readonly layout: ShareLayout;
  readonly #marked: ReadonlySet<number>;
  readonly #key = Uint8Array.from({ length: 16 }, (_, i) => 255 - i);
  readonly #ciphertextNodes: (level: number, index: number) => Uint8Array;
  readonly #blockNodes: ((level: number, index: number) => Uint8Array)[];
  readonly #chains: Uint8Array[];
  readonly #ueb: Uint8Array;

  /**
   * @param bits the file is of 2^bits - 1 bytes, 18 to 53
   * @param marks offsets in the file; the segments there have contents of their own
   */
  constructor(bits: number, marks: readonly number[]) {
    this.size = 2 ** bits - 1;
    this.geometry = makeGeometry({ size: this.size, segmentSize: SEGMENT_SIZE, ...CODE });
    this.layout = predictShareLayout(this.geometry);
    this.#marked = new Set(marks.map((offset) => Math.floor(offset / SEGMENT_SIZE)));
    this.#ciphertextNodes = this.#treeOf((segment) => taggedHash(SEGMENT_TAG, this.#ciphertext(segment)));
    const shares = Array.from({ length: CODE.total }, (_, n) => n);
    this.#blockNodes = shares.map((n) => this.#treeOf((segment) => taggedHash(BLOCK_TAG, this.#block(n, segment))));
    const shareTree = buildHashTree(this.#blockNodes.map((node) => node(0, 0)));
    const [under, below] = [1, 3]; // first nodes of the two levels of the share hash tree
    this.#chains = shares.map((n) => {
      const half = Math.floor(n / 2);
      const nodes = [under + (1 - half), below + n, below + (n % 2 === 0 ? n + 1 : n - 1)];
      return formatShareHashChain(nodes.map((node) => [node, shareTree[node] as Uint8Array]));
    });
    this.#ueb = formatUeb({
      geometry: this.geometry,
      ciphertextHash: new Uint8Array(32),
      ciphertextRootHash: this.#ciphertextNodes(0, 0),
      shareRootHash: shareTree[0] as Uint8Array,
    });
    const storageIndex = storageIndexOf(this.#key);
    this.storageIndexText = storageIndexText(storageIndex);
    const uebHash = taggedHash(UEB_TAG, this.#ueb);
    this.cap = { kind: "CHK", key: this.#key, storageIndex, uebHash, ...CODE, size: this.size };
  }

  /** Has server i serve share i. */
  serveOn(grid: SimulatedGrid): void {
    for (const [number, server] of grid.servers.slice(0, CODE.total).entries()) {
      server.hold(this.storageIndexText, number, new Uint8Array(0));
      server.readShare = async function* (this: HugeFile, ...[, n, offset, length, signal]: ReadArguments) {
        server.reads.push({ shareNumber: n, offset, length });
        await grid.clock.sleep(server.behaviour.latency, signal);
        yield this.shareBytes(n, offset, length);
      }.bind(this);
    }
  }

  /** The plaintext, by arithmetic of its own: big integers, and the whole counter from the offset. */
  plaintext(offset: number, length: number): Buffer {
    const parts: Buffer[] = [];
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const segment = Number(BigInt(at) / BigInt(SEGMENT_SIZE));
      const within = Number(BigInt(at) % BigInt(SEGMENT_SIZE));
      const ciphertext = this.#ciphertext(segment).subarray(within, within + (end - at));
      const counter = Buffer.from((BigInt(at) / 16n).toString(16).padStart(32, "0"), "hex");
      const cipher = createCipheriv("aes-128-ctr", this.#key, counter);
      cipher.update(new Uint8Array(at % 16));
      parts.push(cipher.update(ciphertext));
      at += ciphertext.length;
    }
    return Buffer.concat(parts);
  }

  shareBytes(number: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const { layout, geometry } = this;
    const treeLength = (2 * geometry.treeWidth - 1) * HASH_LENGTH;
    const sections: [start: number, length: number, fill: (from: number, to: number) => Uint8Array][] = [
      fixed(0, formatShareHeader(geometry, layout)),
      ...this.#blocksIn(number, offset, length),
      [layout.ciphertextTreeOffset, treeLength, nodesOf(this.#ciphertextNodes)],
      [layout.blockTreeOffset, treeLength, nodesOf(this.#blockNodes[number] as NodeOf)],
      fixed(layout.chainOffset, this.#chains[number] as Uint8Array),
      fixed(layout.uebOffset, formatInteger(this.#ueb.length, layout.uebLengthBytes)),
      fixed(layout.uebOffset + layout.uebLengthBytes, this.#ueb),
    ];
    const end = Math.min(offset + length, layout.uebOffset + layout.uebLengthBytes + this.#ueb.length);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    for (const [start, sectionLength, fill] of sections) {
      const from = Math.max(start, offset);
      const to = Math.min(start + sectionLength, end);
      if (from < to) bytes.set(fill(from - start, to - start), from - offset);
    }
    return bytes;
  }

  #blocksIn(number: number, offset: number, length: number): ReturnType<typeof fixed>[] {
    const { dataOffset } = this.layout;
    const { blockLength, segmentCount } = this.geometry;
    const first = Math.max(0, Math.floor((offset - dataOffset) / blockLength));
    const last = Math.min(segmentCount - 1, Math.floor((offset + length - dataOffset) / blockLength));
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
      fixed(dataOffset + (first + i) * blockLength, this.#block(number, first + i)),
    );
  }

  #ciphertext(segment: number): Uint8Array<ArrayBuffer> {
    const length = segmentLength(this.geometry, segment);
    if (this.#marked.has(segment) || length === TAIL_LENGTH) return patternBytes(length, (segment % 65521) + 1);
    return new Uint8Array(length);
  }

  #block(number: number, segment: number): Uint8Array {
    const blockLength = blockLengthOf(this.geometry, segment);
    const padded = new Uint8Array(CODE.needed * blockLength);
    padded.set(this.#ciphertext(segment));
    const primaries = [padded.subarray(0, blockLength), padded.subarray(blockLength)];
    return zfecTypeScript.encode(CODE, primaries, [number])[0] as Uint8Array;
  }

  /** The nodes of a tree over all segments, by level and index in the level. */
  #treeOf(leaf: (segment: number) => Uint8Array): NodeOf {
    const depth = Math.log2(this.geometry.segmentCount);
    const last = this.geometry.segmentCount - 1;
    const special = [...this.#marked, last];
    const common: Uint8Array[] = [];
    // A segment without mark: the one before the first that has none.
    const plain = Array.from({ length: special.length + 1 }, (_, i) => i).find((i) => !special.includes(i)) as number;
    common[depth] = leaf(plain);
    for (let level = depth - 1; level >= 0; level--) {
      const below = common[level + 1] as Uint8Array;
      common[level] = parentHash(below, below);
    }
    const known = new Map<string, Uint8Array>();
    const node: NodeOf = (level, index) => {
      const span = 2 ** (depth - level);
      if (!special.some((segment) => Math.floor(segment / span) === index)) return common[level] as Uint8Array;
      const name = `${level}:${index}`;
      const hash =
        known.get(name) ??
        (level === depth ? leaf(index) : parentHash(node(level + 1, 2 * index), node(level + 1, 2 * index + 1)));
      known.set(name, hash);
      return hash;
    };
    return node;
  }
}

type NodeOf = (level: number, index: number) => Uint8Array;
type ReadArguments = Parameters<SimulatedGrid["servers"][0]["readShare"]>;

function fixed(
  start: number,
  bytes: Uint8Array,
): [start: number, length: number, fill: (from: number, to: number) => Uint8Array] {
  return [start, bytes.length, (from, to) => bytes.subarray(from, to)];
}

/** Bytes `from` up to `to` of a tree as it is stored. */
function nodesOf(node: NodeOf): (from: number, to: number) => Uint8Array {
  return (from, to) => {
    const bytes = new Uint8Array(to - from);
    for (let number = Math.floor(from / HASH_LENGTH); number * HASH_LENGTH < to; number++) {
      const level = levelOf(number);
      const hash = node(level, number - (2 ** level - 1));
      const at = number * HASH_LENGTH - from;
      bytes.set(at < 0 ? hash.subarray(-at) : hash.subarray(0, bytes.length - at), Math.max(0, at));
    }
    return bytes;
  };
}
