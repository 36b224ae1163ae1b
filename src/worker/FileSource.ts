import type { Clock } from "../base/Clock.ts";
import { inTime } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { Directory } from "../files/Directory.ts";
import type { FileNode } from "../files/FileNode.ts";
import { LiteralFile } from "../files/LiteralFile.ts";
import type { Cap, ChkCap, DirectoryCap } from "../formats/Cap.ts";
import type { OfflineFiles } from "../offline/OfflineFiles.ts";
import type { GridSource } from "./GridSource.ts";

/** The configuration comes from nearby, or else a network that is half there holds up what needs none. */
const PATIENCE_MS = 1_000;

export interface FileSourceOptions {
  readonly grids: Pick<GridSource, "files">;
  readonly kept: Pick<OfflineFiles, "of">;
  /** Reads what is kept whole, without any servers. */
  readonly unaided: FileNodes;
  readonly clock: Clock;
}

/** Opens files and directories by the servers of their grid, and what needs none without. */
export class FileSource {
  readonly #options: FileSourceOptions;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  /**
   * The file of a cap, as it is now, on the grid of this name (the first if undefined).
   * @throws as `GridSource.files` and `FileNodes.openLatest`
   */
  async open(cap: Cap, grid: string | undefined, signal: AbortSignal): Promise<FileNode> {
    if (cap.kind === "LIT") return new LiteralFile(cap.data);
    const { grids } = this.#options;
    const files = cap.kind === "CHK" ? this.#filesOf(cap, grid) : grids.files(grid);
    return (await files).openLatest(cap, signal);
  }

  /** The directory of a cap, likewise. */
  async directory(cap: DirectoryCap, grid: string | undefined): Promise<Directory> {
    return (await this.#options.grids.files(grid)).directory(cap);
  }

  /** What is kept offline is read without servers where it cannot be said, or not soon, which they are. */
  async #filesOf(cap: ChkCap, grid: string | undefined): Promise<FileNodes> {
    const { grids, kept, unaided, clock } = this.#options;
    const files = grids.files(grid);
    const known = await inTime(files, PATIENCE_MS, clock, () => undefined).catch(() => undefined);
    if (known !== undefined) return known;
    const record = await kept
      .of(cap)
      .record()
      .catch(() => undefined);
    return record?.state === "kept" ? unaided : files;
  }
}
