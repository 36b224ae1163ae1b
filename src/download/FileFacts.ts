import { badHash } from "../base/badHash.ts";
import { equalBytes } from "../base/bytes.ts";
import { isGridError } from "../base/GridError.ts";
import type { CachedFile, TreeName } from "../cache/CachedFile.ts";
import type { ShareLocation } from "../cache/shareMap.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import type { Geometry } from "../formats/Geometry.ts";
import type { ChainEntry } from "../formats/ShareHashChain.ts";
import { checkUeb, parseUeb } from "../formats/Ueb.ts";
import { type HashPage, HashPages } from "../hashing/HashPages.ts";
import { HashTree } from "../hashing/HashTree.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { UEB_TAG } from "../hashing/tags.ts";

/** What a cap says of a file without giving its plaintext away: enough to find and verify its ciphertext. */
export type FileCap = Omit<ChkVerifyCap, "kind">;

/** As many as a HashPages keeps unless it is told otherwise. */
const CIPHERTEXT_TREE_PAGES = 64;
/** Enough for a few readers at different places. There are k such trees, and k may be 256. */
const BLOCK_TREE_PAGES = 16;

interface Known {
  readonly geometry: Geometry;
  readonly shareTree: HashTree;
  readonly ciphertextTree: HashPages;
}

/**
 * Everything that is verified about one file. Nothing enters that does not hash up to the cap: what was remembered of an
 * earlier life goes the same way as what a server sends. What enters is remembered.
 */
export class FileFacts {
  readonly cap: FileCap;
  readonly #memory: CachedFile | undefined;
  #known: Known | undefined;
  #defect: unknown;
  /** Of its shares, as the first one says that was opened: unverified, and good for guesses alone. */
  shareVersion: 1 | 2 | undefined;
  readonly #blockTrees = new Map<number, HashPages>();
  /** What the share hash tree was proven with. */
  readonly #chainNodes = new Map<number, Uint8Array>();
  /** Lookups of pages under way. */
  readonly #recalls = new Map<string, Promise<void>>();
  /** What is accepted at this moment is from memory. */
  #isRecalling = false;

  constructor(cap: FileCap, memory?: CachedFile) {
    this.cap = cap;
    this.#memory = memory;
  }

  /** Known once a UEB was accepted. */
  get geometry(): Geometry | undefined {
    return this.#known?.geometry;
  }

  /** Why the file cannot be read whatever the servers do: its authentic UEB is nonsense. */
  get defect(): unknown {
    return this.#defect;
  }

  /**
   * Takes a UEB that hashes to the cap's promise. The first one counts; others are not looked at.
   * @throws GridError BAD_HASH when it is not the cap's: the share is bad
   * @throws GridError BAD_FORMAT or TOO_LARGE when it is, and is no use: the file is (see `defect`)
   */
  acceptUeb(bytes: Uint8Array): void {
    if (this.#known) return;
    this.#believeUeb(bytes);
    this.#memory?.rememberUeb(bytes);
  }

  /**
   * Takes nodes of the share hash tree, all of them or none.
   * @throws GridError BAD_HASH or BAD_FORMAT as HashTree does
   */
  acceptChain(nodes: readonly ChainEntry[]): void {
    this.#believeChain(nodes);
    this.#memory?.rememberChain([...this.#chainNodes]);
  }

  /** What was remembered of the file, as far as it is true. Says where its shares were: hints, and nothing else. Never rejects. */
  async recall(): Promise<readonly ShareLocation[]> {
    if (this.#memory === undefined) return [];
    const { ueb, chain, shares } = await this.#memory.recall();
    try {
      if (ueb !== undefined && this.#known === undefined) {
        this.#believeUeb(ueb);
        // It may be in one memory and be wanted in another.
        this.#memory.rememberUeb(ueb, true);
      }
    } catch {
      this.#memory.forgetUeb();
    }
    try {
      if (chain.length > 0 && this.#known !== undefined) this.#believeChain(chain);
    } catch {
      this.#memory.forgetChain();
    }
    return shares;
  }

  /**
   * Takes from memory the pages that a segment needs and that are not held: those of the ciphertext hash tree and, to prove a block
   * of it, of its share's. Undefined where there is nothing to wait for.
   */
  recallPages(segment: number, shareNumber?: number): Promise<void> | undefined {
    const ofCiphertext = this.#recallTree("ciphertext", this.ciphertextTree, segment);
    if (shareNumber === undefined) return ofCiphertext;
    const ofBlocks = this.#recallTree(shareNumber, this.blockTree(shareNumber), segment);
    return ofCiphertext && ofBlocks ? Promise.all([ofCiphertext, ofBlocks]).then(() => {}) : (ofCiphertext ?? ofBlocks);
  }

  #believeUeb(bytes: Uint8Array): void {
    if (!equalBytes(taggedHash(UEB_TAG, bytes), this.cap.uebHash)) throw badHash("the UEB");
    try {
      const ueb = parseUeb(bytes);
      const geometry = checkUeb(ueb, this.cap);
      const shareTree = new HashTree(this.cap.total);
      shareTree.setRoot(ueb.shareRootHash);
      const ciphertextTree = new HashPages(
        geometry.segmentCount,
        "ciphertext hash tree",
        CIPHERTEXT_TREE_PAGES,
        this.#remembering("ciphertext"),
      );
      ciphertextTree.setRoot(ueb.ciphertextRootHash);
      this.#known = { geometry, shareTree, ciphertextTree };
    } catch (error) {
      if (isGridError(error)) this.#defect = error;
      throw error;
    }
  }

  /** Of the N block hash trees' roots. */
  get shareTree(): HashTree {
    return this.#afterUeb().shareTree;
  }

  get ciphertextTree(): HashPages {
    return this.#afterUeb().ciphertextTree;
  }

  /**
   * The block hash tree of a share number, one for all its copies. It is made only after the UEB is known, so it can never
   * have a guessed size; its root is set as soon as the share hash tree has proven it.
   */
  blockTree(shareNumber: number): HashPages {
    const { geometry, shareTree } = this.#afterUeb();
    let tree = this.#blockTrees.get(shareNumber);
    if (tree === undefined) {
      const what = `block hash tree of share ${shareNumber}`;
      tree = new HashPages(geometry.segmentCount, what, BLOCK_TREE_PAGES, this.#remembering(shareNumber));
      this.#blockTrees.set(shareNumber, tree);
    }
    const root = shareTree.leaf(shareNumber);
    if (root !== undefined && !tree.hasRoot) tree.setRoot(root);
    return tree;
  }

  #remembering(tree: TreeName): (page: HashPage, bytes: Uint8Array) => void {
    return (page, bytes) => this.#memory?.rememberPage(tree, page.firstNode, bytes, this.#isRecalling);
  }

  #believeChain(nodes: readonly ChainEntry[]): void {
    this.shareTree.add(nodes);
    for (const [node, hash] of nodes) this.#chainNodes.set(node, hash);
  }

  #recallTree(name: TreeName, tree: HashPages, segment: number): Promise<void> | undefined {
    const memory = this.#memory;
    if (memory === undefined || !tree.hasRoot) return undefined;
    const missing = tree.missing(segment);
    // Those that would be asked of servers along with them.
    const ahead = missing.length === 0 ? [] : tree.ahead(segment);
    const pages = [...missing, ...ahead].filter(({ firstNode }) => memory.knowsPage(name, firstNode));
    const lowest = pages.at(-1);
    if (lowest === undefined) return undefined;
    // Readers ask for many segments at once, and nearly all of them lie under the same page.
    const key = `${name}/${lowest.firstNode}`;
    const recall = this.#recalls.get(key) ?? this.#recallNow(memory, name, tree, pages, segment);
    this.#recalls.set(key, recall);
    return recall.finally(() => this.#recalls.delete(key));
  }

  async #recallNow(
    memory: CachedFile,
    name: TreeName,
    tree: HashPages,
    pages: readonly HashPage[],
    segment: number,
  ): Promise<void> {
    const found = await memory.recallPages(
      name,
      pages.map(({ firstNode }) => firstNode),
    );
    for (const page of pages) {
      const bytes = found.get(page.firstNode);
      const isAboveUnknown = tree.missing(segment).some(({ level }) => level < page.level);
      if (bytes === undefined || isAboveUnknown) continue;
      this.#isRecalling = true;
      try {
        tree.accept(page, bytes);
      } catch {
        memory.forgetPage(name, page.firstNode);
      } finally {
        this.#isRecalling = false;
      }
    }
  }

  #afterUeb(): Known {
    if (this.#known === undefined) throw new Error("A defect in gridfetch: hash trees were asked for before the UEB");
    return this.#known;
  }
}
