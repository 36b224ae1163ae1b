import type { Clock } from "../base/Clock.ts";
import { GridError, isTooLittle } from "../base/GridError.ts";
import { withDeadline } from "../base/wait.ts";
import type { Answer, Payload } from "../channel/messages.ts";
import type { DirectoryPart } from "../files/Directory.ts";
import { readCapOf } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { entryOf } from "../http/directoryEntries.ts";
import { explainFailure, type Surroundings } from "../http/explainFailure.ts";
import type { FileSource } from "./FileSource.ts";
import type { GridSource } from "./GridSource.ts";
import { haveServersMoved } from "./haveServersMoved.ts";

/** A page waits two minutes. */
const LIMIT_MS = 100_000;

export interface FolderListsOptions {
  readonly files: Pick<FileSource, "directory">;
  readonly grids: Pick<GridSource, "changes" | "changedSince" | "doubt">;
  readonly surroundings: Surroundings;
  readonly clock: Clock;
}

/** Tells pages what is in folders, part by part. */
export class FolderLists {
  readonly #options: FolderListsOptions;

  constructor(options: FolderListsOptions) {
    this.#options = options;
  }

  /**
   * One part of a list.
   * @throws GridError BAD_CAP, UNSUPPORTED_CAP for what is no folder, FILE_CHANGED where a later part is asked for and the folder is another now;
   *   what reading it throws; TIMED_OUT; the signal's reason
   */
  async part(asked: Payload<"list">, signal: AbortSignal): Promise<Answer<"list">> {
    const { grids, surroundings, clock } = this.#options;
    const { changes } = grids;
    const attempt = () => withDeadline(LIMIT_MS, clock, tooSlow, signal, (own) => this.#read(asked, own));
    try {
      return toAnswer(await attempt());
    } catch (error) {
      signal.throwIfAborted();
      if (isTooLittle(error) && (await haveServersMoved(grids, changes))) return toAnswer(await attempt());
      throw await explainFailure(error, surroundings);
    }
  }

  /** For reading alone: no child's write cap is deciphered. */
  async #read({ cap: text, grid, from, version }: Payload<"list">, signal: AbortSignal): Promise<DirectoryPart> {
    const cap = parseCap(text);
    if (cap.kind !== "DIR2") throw noFolder(cap.kind);
    const directory = await this.#options.files.directory(readCapOf(cap), grid || undefined);
    return directory.part(from, version, signal);
  }
}

function toAnswer({ children, version, next }: DirectoryPart): Answer<"list"> {
  return { entries: children.map(entryOf), version, next };
}

function noFolder(kind: string): GridError<"UNSUPPORTED_CAP"> {
  return new GridError("UNSUPPORTED_CAP", { kind: `URI:${kind}` }, "This is not a directory's cap, and has no list.");
}

function tooSlow(): GridError<"TIMED_OUT"> {
  const message = `The directory could not be read within ${LIMIT_MS / 1000} s. The servers may be overloaded: try again.`;
  return new GridError("TIMED_OUT", { what: "a directory", ms: LIMIT_MS }, message);
}
