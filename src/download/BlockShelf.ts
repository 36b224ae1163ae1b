import type { Share } from "./Share.ts";
import type { ShareBlock } from "./ShareBlock.ts";

/** All blocks that came for a segment, those of shares that lost the race among them: each has memory to release. */
export class BlockShelf<S extends Share> {
  readonly #blocks = new Map<S, ShareBlock>();
  #isCleared = false;

  /** The share's block, if it came. */
  of(share: S): ShareBlock | undefined {
    return this.#blocks.get(share);
  }

  /** Those whose blocks came. */
  get shares(): S[] {
    return [...this.#blocks.keys()];
  }

  put(share: S, block: ShareBlock): void {
    if (this.#isCleared) block.release();
    else this.#blocks.set(share, block);
  }

  /** Releases what has come, and what comes later at once. */
  clear(): void {
    this.#isCleared = true;
    for (const block of this.#blocks.values()) block.release();
  }
}
