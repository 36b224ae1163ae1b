import { GridError } from "../base/GridError.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import type { DirectoryEntry } from "../formats/parseDirectory.ts";
import type { DirectoryContents } from "./DirectoryContents.ts";
import type { FileNode } from "./FileNode.ts";
import { type Child, readChild, readChildren } from "./readChildren.ts";
import { retryChanged } from "./retryChanged.ts";

/** As many entries as a part of a list is made of. */
const MOST_IN_PART = 1_000;

/** Some of a directory's children. */
export interface DirectoryPart {
  readonly children: readonly Child[];
  /** Of the directory: what the next part has to be of. Empty where it cannot change. */
  readonly version: string;
  /** The number of the entry with which the next part begins; undefined where this is the last. */
  readonly next: number | undefined;
}

/** A directory on the grid, or in a cap. */
export class Directory {
  readonly cap: DirectoryCap;
  readonly #open: (signal: AbortSignal) => Promise<FileNode>;
  readonly #contents: DirectoryContents;
  /** The version of which a part was given last. */
  #listed: FileNode | undefined;

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

  /**
   * The children among a thousand entries, from the one of that number on.
   * @param version what the part before was of; the directory as of now unless given
   * @throws GridError FILE_CHANGED where that version is to be had no more; else as `list`
   */
  async part(from: number, version: string | undefined, signal: AbortSignal): Promise<DirectoryPart> {
    const read = async () => {
      const file = await this.#version(version, signal);
      return { file, entries: await this.#contents.read(file, signal) };
    };
    const { file, entries } = await (version === undefined ? retryChanged(read) : read());
    this.#listed = file;
    const next = from + MOST_IN_PART;
    return {
      children: await readChildren(this.cap, entries.slice(from, next)),
      version: versionOf(file),
      next: next < entries.length ? next : undefined,
    };
  }

  /** The child of that name, in whichever Unicode form it is asked for; undefined if there is none. Throws as `list` does. */
  async child(name: string, signal: AbortSignal): Promise<Child | undefined> {
    const wanted = name.normalize("NFC");
    const entry = (await this.#entries(signal)).find((each) => each.name === wanted);
    return entry && readChild(this.cap, entry);
  }

  async #version(wanted: string | undefined, signal: AbortSignal): Promise<FileNode> {
    // What is parsed already need not be looked at again.
    if (this.#listed !== undefined && versionOf(this.#listed) === wanted) return this.#listed;
    const file = await this.#open(signal);
    if (wanted === undefined || versionOf(file) === wanted) return file;
    throw new GridError("FILE_CHANGED", {}, "This directory was changed while it was being listed. List it again.");
  }

  #entries(signal: AbortSignal): Promise<readonly DirectoryEntry[]> {
    return retryChanged(async () => this.#contents.read(await this.#open(signal), signal));
  }
}

function versionOf({ version }: FileNode): string {
  return version ?? "";
}
