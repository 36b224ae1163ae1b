import { clip } from "../base/clip.ts";
import { toStream } from "../base/toStream.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";

/** A file that is in its cap. */
export class LiteralFile implements FileNode {
  readonly size: number;
  readonly #data: Uint8Array<ArrayBuffer>;

  constructor(data: Uint8Array<ArrayBuffer>) {
    this.size = data.length;
    this.#data = data;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { offset, length } = clip(options, this.size);
    const bytes = this.#data.slice(offset, offset + length);
    const pieces = async function* () {
      if (bytes.length > 0) yield bytes;
    };
    return toStream(pieces, options.signal);
  }
}
