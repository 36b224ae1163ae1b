import type { FileNode, ReadOptions } from "../FileNode.ts";

/** A file of which every read can be made to fail, and that counts what it did. */
export class FakeFile implements FileNode {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly reads: ReadOptions[] = [];
  /** Reasons with which reads were cancelled. */
  readonly cancels: unknown[] = [];
  chunkLength = 100;
  /** Chunks handed out so far, over all reads. */
  pulls = 0;
  /** From this offset on nothing can be read. */
  failsAt = Number.POSITIVE_INFINITY;
  failure: unknown = new Error("unset");
  /** Never brings a byte. */
  hangs = false;
  /** Bytes that the stream withholds at its end, against its contract. */
  missing = 0;

  constructor(content: Uint8Array<ArrayBuffer>) {
    this.content = content;
  }

  get size(): number {
    return this.content.length;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.reads.push(options);
    const { offset = 0, length = this.size, signal } = options;
    const end = Math.min(offset + length, this.size) - this.missing;
    let at = offset;
    return new ReadableStream(
      {
        start: (controller) => signal?.addEventListener("abort", () => controller.error(signal.reason)),
        pull: (controller) => {
          if (this.hangs) return new Promise(() => {});
          if (at >= this.failsAt) return controller.error(this.failure);
          if (at >= end) return controller.close();
          const next = Math.min(at + this.chunkLength, end, this.failsAt);
          controller.enqueue(this.content.slice(at, next));
          this.pulls++;
          at = next;
        },
        cancel: (reason) => {
          this.cancels.push(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }
}
