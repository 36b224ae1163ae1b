import { fill } from "../base/fill.ts";
import { GridError } from "../base/GridError.ts";
import { SharedTask } from "../base/SharedTask.ts";
import { type DirectoryEntry, parseDirectory } from "../formats/parseDirectory.ts";
import type { FileNode } from "./FileNode.ts";

/** Some ten thousand children. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Of content, for all that are kept: a player asks for each part of a film by its path, and goes through its directories every time. */
const MOST_KEPT = MAX_BYTES;
/** What even an empty one counts for. */
const LEAST_COUNTED = 64 * 1024;

/** What stands in the directories that were read last, by the file that each is the content of: one version, which does not change. */
export class DirectoryContents {
  readonly #kept = new Map<FileNode, SharedTask<readonly DirectoryEntry[]>>();

  /**
   * What stands in the directory that this file is the content of. Those who ask at the same time share the read.
   * @throws GridError TOO_LARGE above 16 MiB, BAD_FORMAT for content that is no directory; what reading it throws; the signal's reason
   */
  read(file: FileNode, signal: AbortSignal): Promise<readonly DirectoryEntry[]> {
    let contents = this.#kept.get(file);
    if (contents === undefined || contents.isAbandoned) {
      contents = new SharedTask(async (shared) => parseDirectory(await readWhole(file, shared)));
    }
    this.#keep(file, contents);
    return contents.join(signal);
  }

  #keep(file: FileNode, contents: SharedTask<readonly DirectoryEntry[]>): void {
    this.#kept.delete(file);
    this.#kept.set(file, contents);
    let bytes = [...this.#kept.keys()].reduce((sum, each) => sum + counted(each), 0);
    for (const oldest of this.#kept.keys()) {
      if (bytes <= MOST_KEPT || oldest === file) break;
      this.#kept.delete(oldest);
      bytes -= counted(oldest);
    }
  }
}

function counted({ size }: FileNode): number {
  return Math.max(size, LEAST_COUNTED);
}

async function readWhole(file: FileNode, signal: AbortSignal): Promise<Uint8Array> {
  if (file.size > MAX_BYTES) {
    const details = { what: "directory", value: file.size, limit: MAX_BYTES };
    const message = `This directory has ${file.size} bytes; more than ${MAX_BYTES} are not read here.`;
    throw new GridError("TOO_LARGE", details, message);
  }
  return fill(new Uint8Array(file.size), file.read({ signal }));
}
