import { GridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { Directory } from "../files/Directory.ts";
import type { FileNode } from "../files/FileNode.ts";
import { linkTimes } from "../files/linkTimes.ts";
import { type Cap, type DirectoryCap, type FileCap, isVerifyCap, sizeInCap } from "../formats/Cap.ts";
import { formatCap, readCapOf } from "../formats/formatCap.ts";
import { ahead } from "./ahead.ts";
import { safeNames } from "./safeNames.ts";
import type { ZipEntry } from "./ZipEntry.ts";

/** A grid, as an archive needs it. */
export interface ZipSource {
  /** The file of a cap, as it is now. @throws as `FileNodes.openLatest` */
  open(cap: FileCap, signal: AbortSignal): FileNode | Promise<FileNode>;
  /** The directory of a cap. */
  directory(cap: DirectoryCap): Promise<Pick<Directory, "list">>;
}

/** What is put into an archive under a name. */
export interface ZipItem {
  readonly name: string;
  /** Undefined for a kind that nobody here knows. */
  readonly cap: Cap | undefined;
  readonly modified: number | undefined;
}

/** Some 20 MB of records. */
const MOST_ENTRIES = 100_000;
/** A path has two bytes for its length, and systems take less. */
const MOST_LEVELS = 64;
/** Of all paths: long names of folders in folders are in each path below. */
const MOST_CHARACTERS = 32 * 2 ** 20;
/** 16 TiB, of which the CRC-32s of all pieces take 8 MiB. A cap may claim any size, and offsets must stay exact. */
const MOST_BYTES = 2 ** 44;
/** Folders that are read, and files that can change that are looked for, at the same time. */
const AT_ONCE = 8;

/** The children of a folder, to be put into an archive; for reading alone, whatever the cap allows. Throws as `Directory.list` does. */
export async function itemsIn(cap: DirectoryCap, source: ZipSource, signal: AbortSignal): Promise<ZipItem[]> {
  const children = await (await source.directory(readCapOf(cap))).list(signal);
  return children.map(({ name, cap, metadata }) => ({ name, cap, modified: linkTimes(metadata).modified }));
}

/**
 * What an archive of these items holds, folders with all that is below them, each before what it holds, in the order of the directories. Of files nothing is
 * read; of those that can change the latest version is looked for.
 *
 * @throws GridError UNSUPPORTED_CAP for what cannot be read, wherever in the folders it is: an archive without it would look whole; TOO_LARGE
 *   above 100,000 entries, 16 TiB of files, or 32 Mi characters of paths, and for folders in folders more than 64 levels deep, as they are where one holds
 *   itself; what reading directories and opening files throws; the signal's reason
 */
export async function zipEntries(
  items: readonly ZipItem[],
  source: ZipSource,
  signal: AbortSignal,
): Promise<ZipEntry[]> {
  // Where one fails, others are under way.
  const over = new AbortController();
  const own = AbortSignal.any([signal, over.signal]);
  let count = 0;
  let characters = 0;
  let bytes = 0;
  try {
    const top = branches(items, "");
    for (let level = top, depth = 1; level.length > 0; depth++) {
      if (depth > MOST_LEVELS) throw tooLarge("depth of an archive", depth, MOST_LEVELS);
      const below: Branch[] = [];
      // One by one: as arguments of one call, tens of thousands overflow a worker's stack.
      for await (const inside of ahead(level, AT_ONCE, grow)) for (const branch of inside) below.push(branch);
      level = below;
    }
    return top.flatMap(entriesOf);
  } finally {
    over.abort(noLongerWanted);
  }

  function branches(here: readonly ZipItem[], folder: string): Branch[] {
    count += here.length;
    if (count > MOST_ENTRIES) throw tooLarge("number of entries of an archive", count, MOST_ENTRIES);
    const paths = safeNames(here.map(({ name }) => name)).map((name) => folder + name);
    characters += paths.reduce((sum, { length }) => sum + length, 0);
    if (characters > MOST_CHARACTERS) throw tooLarge("length of all paths of an archive", characters, MOST_CHARACTERS);
    return here.map((item, index) => ({ item, path: paths[index]!, entry: undefined, inside: [] }));
  }

  /** Finds out what the item is. Resolves with what is in it. */
  async function grow(branch: Branch): Promise<readonly Branch[]> {
    const { path, item } = branch;
    const { modified } = item;
    if (item.cap === undefined || isVerifyCap(item.cap)) throw unreadable(item.cap);
    const cap = readCapOf(item.cap);
    if (cap.kind === "DIR2") {
      branch.entry = { path: `${path}/`, cap: "", version: undefined, size: 0, modified };
      branch.inside = branches(await itemsIn(cap, source, own), branch.entry.path);
    } else {
      const { size, version } = await sizeOf(cap, source, own);
      bytes += size;
      if (bytes > MOST_BYTES) throw tooLarge("number of bytes of an archive", bytes, MOST_BYTES);
      branch.entry = { path, cap: formatCap(cap), version, size, modified };
    }
    return branch.inside;
  }
}

/** An item in an archive. */
interface Branch {
  readonly item: ZipItem;
  readonly path: string;
  /** Once it is known. */
  entry: ZipEntry | undefined;
  inside: readonly Branch[];
}

function entriesOf({ entry, inside }: Branch): ZipEntry[] {
  return [entry!, ...inside.flatMap(entriesOf)];
}

async function sizeOf(
  cap: FileCap,
  source: ZipSource,
  signal: AbortSignal,
): Promise<Pick<FileNode, "size" | "version">> {
  const size = sizeInCap(cap);
  return size === undefined ? source.open(cap, signal) : { size };
}

function unreadable(cap: Cap | undefined): GridError<"UNSUPPORTED_CAP"> {
  const message =
    "Something in this folder cannot be read: it is of a kind that is not known here, or its cap allows no reading. An archive without " +
    "it would look whole, so none is made: choose files for one.";
  return new GridError("UNSUPPORTED_CAP", { kind: cap === undefined ? "unknown" : `URI:${cap.kind}` }, message);
}

function tooLarge(what: string, value: number, limit: number): GridError<"TOO_LARGE"> {
  const message = `The ${what} is ${value}; more than ${limit} is not made here. A folder may hold itself; else save its folders one by one.`;
  return new GridError("TOO_LARGE", { what, value, limit }, message);
}
