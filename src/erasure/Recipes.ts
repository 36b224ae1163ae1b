import { factorsFor } from "./zfecMatrix.ts";

/** How to make one block from others: the sum of the blocks times these factors. */
export interface Recipe {
  /** Share number of the block that is made. */
  readonly share: number;
  /** One for each block that it is made from. */
  readonly factors: Uint8Array;
}

// A read uses one set of shares for many segments, and goes to another when a server fails.
const KEPT = 16;

/** Remembers recipes: for k in the hundreds they take longer to find than a small block to decode. */
export class Recipes {
  readonly #recipes = new Map<string, Recipe[]>();

  /** How to make the blocks of the shares `to` from those of `from`. */
  find(from: readonly number[], to: readonly number[]): readonly Recipe[] {
    const name = `${from.join()}>${to.join()}`;
    let recipes = this.#recipes.get(name);
    if (recipes === undefined) recipes = to.map((share) => ({ share, factors: factorsFor(from, share) }));
    else this.#recipes.delete(name);
    this.#recipes.set(name, recipes);
    for (const oldest of this.#recipes.keys()) {
      if (this.#recipes.size <= KEPT) break;
      this.#recipes.delete(oldest);
    }
    return recipes;
  }
}
