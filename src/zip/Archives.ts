import { GridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { lastFew } from "../base/lastFew.ts";
import { SharedTask } from "../base/SharedTask.ts";
import type { Directory } from "../files/Directory.ts";
import type { FileNode } from "../files/FileNode.ts";
import { type Cap, type DirectoryCap, type FileCap, isMutable } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { type OpenZip, openZip } from "./openZip.ts";
import { itemsIn, type ZipItem, type ZipSource } from "./zipEntries.ts";

/** Each may hold 20 MB of paths and caps. */
const MOST_OPEN = 2;

/** Where the files of all grids are, each by its name. */
export interface GridFiles {
  open(cap: FileCap, grid: string | undefined, signal: AbortSignal): FileNode | Promise<FileNode>;
  directory(cap: DirectoryCap, grid: string | undefined): Promise<Directory>;
}

/** The archives that were asked for last, with what is known of their CRC-32s: the next range of one reads no folder again, unless that can change. */
export class Archives {
  readonly #files: GridFiles;
  readonly #opened = new Map<string, OpenZip>();
  /** Of what cannot change: who asks meanwhile, for another part say, waits for the same. */
  readonly #opening = new Map<string, SharedTask<OpenZip>>();

  constructor(files: GridFiles) {
    this.#files = files;
  }

  /**
   * The archive that a URL was made for, as it is now.
   * @throws GridError BAD_CAP, also where nothing is named; UNSUPPORTED_CAP where an archive of a folder is wanted and the cap is no folder's; what
   *   `openZip` throws
   */
  async open({ cap, zip = [], grid }: HandleRecord, signal: AbortSignal): Promise<OpenZip> {
    const source: ZipSource = {
      open: (each, own) => this.#files.open(each, grid || undefined, own),
      directory: (each) => this.#files.directory(each, grid || undefined),
    };
    const key = JSON.stringify([cap, zip, grid]);
    const choice = zip.map((each): ZipItem => ({ name: each.filename, cap: parseCap(each.cap), modified: undefined }));
    const folder = zip.length > 0 ? undefined : folderOf(parseCap(cap));
    const canChange = [folder, ...choice.map((item) => item.cap)].some(mayChange);
    const known = this.#opened.get(key);
    if (known !== undefined && !canChange) return this.#keep(key, known);
    const open = async (own: AbortSignal): Promise<OpenZip> => {
      const items = folder === undefined ? choice : await itemsIn(folder, source, own);
      return this.#keep(key, await openZip(items, source, own));
    };
    return canChange ? open(signal) : this.#share(key, open).join(signal);
  }

  #share(key: string, open: (own: AbortSignal) => Promise<OpenZip>): SharedTask<OpenZip> {
    const present = this.#opening.get(key);
    if (present !== undefined && !present.isAbandoned) return present;
    const opening = new SharedTask((own) => open(own).finally(() => this.#opening.delete(key)));
    this.#opening.set(key, opening);
    return opening;
  }

  #keep(key: string, opened: OpenZip): OpenZip {
    // The same as before knows its CRC-32s; somebody may have asked at the same time.
    if (this.#opened.get(key)?.tag !== opened.tag) this.#opened.delete(key);
    return lastFew(this.#opened, MOST_OPEN, key, () => opened);
  }
}

function folderOf(cap: Cap): DirectoryCap {
  if (cap.kind === "DIR2") return cap;
  const message = "An archive of a folder was asked for, and this is no folder's cap: grid.zip takes files.";
  throw new GridError("UNSUPPORTED_CAP", { kind: `URI:${cap.kind}` }, message);
}

/** Can what it names change, or what is in it? What is in a folder that cannot, cannot either. */
function mayChange(cap: Cap | undefined): boolean {
  const content = cap?.kind === "DIR2" ? cap.content : cap;
  return content !== undefined && isMutable(content);
}
