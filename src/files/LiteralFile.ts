import { clip } from "../base/clip.ts";
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
    const { signal } = options;
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          signal?.throwIfAborted();
          if (bytes.length > 0) controller.enqueue(bytes);
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }
}
