import type { ProvenBlock } from "./Share.ts";

/** All blocks that came for a segment, those of shares that lost the race among them: each has memory to release. */
export class BlockShelf {
  readonly #blocks: ProvenBlock[] = [];
  #isCleared = false;

  /** Notes a block, if it is one, and gives it back. */
  add(block: ProvenBlock | undefined): ProvenBlock | undefined {
    if (block !== undefined && this.#isCleared) block.release();
    else if (block !== undefined) this.#blocks.push(block);
    return block;
  }

  /** Releases what has come, and what comes later at once. */
  clear(): void {
    this.#isCleared = true;
    for (const block of this.#blocks) block.release();
  }
}
