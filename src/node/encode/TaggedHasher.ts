import { createHash, type Hash } from "node:crypto";
import { tagPrefix } from "../../hashing/taggedHash.ts";

/** The tagged hash (see taggedHash) of bytes that come piece by piece, at the platform's speed. */
export class TaggedHasher {
  readonly #inner: Hash;

  constructor(tag: string | Uint8Array) {
    this.#inner = createHash("sha256").update(tagPrefix(tag));
  }

  update(bytes: Uint8Array): this {
    this.#inner.update(bytes);
    return this;
  }

  /** The hash of all that was added. To be called once. */
  digest(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(createHash("sha256").update(this.#inner.digest()).digest());
  }
}
