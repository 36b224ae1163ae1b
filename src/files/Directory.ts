import { GridError } from "../base/GridError.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import type { FileNode } from "./FileNode.ts";
import { type Child, readDirectory } from "./readDirectory.ts";
import { retryChanged } from "./retryChanged.ts";

/** Some ten thousand children. A directory is held in memory several times over. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A directory on the grid, or in a cap. */
export class Directory {
  readonly cap: DirectoryCap;
  readonly #open: (signal: AbortSignal) => Promise<FileNode>;

  /** @param open gives the file that the directory is the content of, as it is now */
  constructor(cap: DirectoryCap, open: (signal: AbortSignal) => Promise<FileNode>) {
    this.cap = cap;
    this.#open = open;
  }

  /**
   * All children, as of now.
   * @throws GridError TOO_LARGE above 16 MiB, BAD_FORMAT for content that is no directory; what reading it throws; the signal's reason
   */
  async list(signal: AbortSignal): Promise<Child[]> {
    return readDirectory(this.cap, await retryChanged(() => this.#read(signal)));
  }

  async #read(signal: AbortSignal): Promise<Uint8Array> {
    const file = await this.#open(signal);
    if (file.size > MAX_BYTES) {
      const details = { what: "directory", value: file.size, limit: MAX_BYTES };
      const message = `This directory has ${file.size} bytes; more than ${MAX_BYTES} are not read here.`;
      throw new GridError("TOO_LARGE", details, message);
    }
    const bytes = new Uint8Array(file.size);
    let at = 0;
    for await (const piece of chunksOf(file.read({ signal }))) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** The child of that name, in whichever Unicode form it is asked for; undefined if there is none. Throws as `list` does. */
  async child(name: string, signal: AbortSignal): Promise<Child | undefined> {
    const wanted = name.normalize("NFC");
    return (await this.list(signal)).find((child) => child.name === wanted);
  }
}

/** Safari cannot iterate over a stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
