import type { DirectoryCap } from "../formats/Cap.ts";
import type { DirectoryEntry } from "../formats/parseDirectory.ts";
import type { DirectoryContents } from "./DirectoryContents.ts";
import type { FileNode } from "./FileNode.ts";
import { type Child, readChild, readChildren } from "./readChildren.ts";
import { retryChanged } from "./retryChanged.ts";

/** A directory on the grid, or in a cap. */
export class Directory {
  readonly cap: DirectoryCap;
  readonly #open: (signal: AbortSignal) => Promise<FileNode>;
  readonly #contents: DirectoryContents;

  /** @param open gives the file that the directory is the content of, as it is now */
  constructor(cap: DirectoryCap, open: (signal: AbortSignal) => Promise<FileNode>, contents: DirectoryContents) {
    this.cap = cap;
    this.#open = open;
    this.#contents = contents;
  }

  /**
   * All children, as of now.
   * @throws GridError TOO_LARGE above 16 MiB, BAD_FORMAT for content that is no directory; what reading it throws; the signal's reason
   */
  async list(signal: AbortSignal): Promise<Child[]> {
    return readChildren(this.cap, await this.#entries(signal));
  }

  /** The child of that name, in whichever Unicode form it is asked for; undefined if there is none. Throws as `list` does. */
  async child(name: string, signal: AbortSignal): Promise<Child | undefined> {
    const wanted = name.normalize("NFC");
    const entry = (await this.#entries(signal)).find((each) => each.name === wanted);
    return entry && readChild(this.cap, entry);
  }

  #entries(signal: AbortSignal): Promise<readonly DirectoryEntry[]> {
    return retryChanged(async () => this.#contents.read(await this.#open(signal), signal));
  }
}
