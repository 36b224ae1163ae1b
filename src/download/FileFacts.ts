import { badHash } from "../base/badHash.ts";
import { equalBytes } from "../base/bytes.ts";
import { isGridError } from "../base/GridError.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import type { Geometry } from "../formats/Geometry.ts";
import { checkUeb, parseUeb } from "../formats/Ueb.ts";
import { HashPages } from "../hashing/HashPages.ts";
import { HashTree } from "../hashing/HashTree.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { UEB_TAG } from "../hashing/tags.ts";

/** What a cap says of a file without giving its plaintext away: enough to find and verify its ciphertext. */
export type FileCap = Omit<ChkVerifyCap, "kind">;

/** Enough for a few readers at different places. There are k such trees, and k may be 256. */
const BLOCK_TREE_PAGES = 16;

interface Known {
  readonly geometry: Geometry;
  readonly shareTree: HashTree;
  readonly ciphertextTree: HashPages;
}

/** Everything that is verified about one file. Nothing enters that does not hash up to the cap. */
export class FileFacts {
  readonly cap: FileCap;
  #known: Known | undefined;
  #defect: unknown;
  readonly #blockTrees = new Map<number, HashPages>();

  constructor(cap: FileCap) {
    this.cap = cap;
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
    if (!equalBytes(taggedHash(UEB_TAG, bytes), this.cap.uebHash)) throw badHash("the UEB");
    try {
      const ueb = parseUeb(bytes);
      const geometry = checkUeb(ueb, this.cap);
      const shareTree = new HashTree(this.cap.total);
      shareTree.setRoot(ueb.shareRootHash);
      const ciphertextTree = new HashPages(geometry.segmentCount, "ciphertext hash tree");
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
      tree = new HashPages(geometry.segmentCount, `block hash tree of share ${shareNumber}`, BLOCK_TREE_PAGES);
      this.#blockTrees.set(shareNumber, tree);
    }
    const root = shareTree.leaf(shareNumber);
    if (root !== undefined && !tree.hasRoot) tree.setRoot(root);
    return tree;
  }

  #afterUeb(): Known {
    if (this.#known === undefined) throw new Error("A defect in gridfetch: hash trees were asked for before the UEB");
    return this.#known;
  }
}
