import { type Clock, systemClock } from "../base/Clock.ts";
import { EventLog } from "../base/EventLog.ts";
import { GridError } from "../base/GridError.ts";
import { lastFew } from "../base/lastFew.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { Slots } from "../base/Slots.ts";
import { AwayServers } from "../cache/AwayServers.ts";
import { defaultCacheLimits } from "../cache/cacheLimits.ts";
import type { FileCache } from "../cache/FileCache.ts";
import { SegmentCache } from "../cache/SegmentCache.ts";
import { ChkDownload } from "../download/ChkDownload.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { SegmentSizes } from "../download/SegmentSizes.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import { zfec } from "../erasure/zfec.ts";
import { encodeBase32 } from "../formats/base32.ts";
import {
  type Cap,
  type ChkCap,
  type ChkVerifyCap,
  type DirectoryCap,
  isMutable,
  type LitCap,
  type MutableCap,
} from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { decryptPieces, importCtrKey } from "../hashing/ctr.ts";
import { HealthBook } from "../servers/HealthBook.ts";
import type { ServerList } from "../servers/ServerList.ts";
import { sharesPath } from "../servers/StorageService.ts";
import type { Background } from "./Background.ts";
import { Directory } from "./Directory.ts";
import { DirectoryContents } from "./DirectoryContents.ts";
import type { FileNode } from "./FileNode.ts";
import { type FetchTarget, fetchMissing } from "./fetchMissing.ts";
import { LiteralFile } from "./LiteralFile.ts";
import { MutableFile } from "./MutableFile.ts";
import { type Decipher, StoredFile } from "./StoredFile.ts";

/** What files are read with. */
export interface FileNodesOptions {
  readonly servers: ServerList;
  readonly clock?: Clock;
  /** Where reads tell what happens. */
  readonly log?: EventLog;
  readonly limits?: Limits;
  readonly codec?: ErasureCodec;
  /** What outlives this program of the files that were read; several grids may have one. */
  readonly fileCache?: FileCache;
  /** When what is kept for good may be fetched: at once unless given. */
  readonly background?: Background;
  /** Bytes of verified ciphertext to keep for the next read; none for 0. A `fileCache` has a bound of its own. */
  readonly segmentCacheBytes?: number;
}

/** A grid's files. */
export interface FileNodes {
  /**
   * The file that an immutable file's cap names. Costs nothing until it is read. The last few caps' nodes are kept, so that
   * what was learned of a file serves its next read.
   * @throws GridError UNSUPPORTED_CAP for other caps
   */
  open(cap: Cap): FileNode;

  /**
   * The file that a cap names, as it is now: of a mutable file the latest version that can be read, which is looked for.
   * @throws GridError UNSUPPORTED_CAP for directories and verify caps; NO_VERSION; the signal's reason
   */
  openLatest(cap: Cap, signal: AbortSignal): Promise<FileNode>;

  /** The directory that a cap names. Costs nothing until it is listed. */
  directory(cap: DirectoryCap): Directory;

  /**
   * Fetches what `target` misses of a file that is to be kept for good, until all of it is written. Does nothing without a `fileCache`.
   * @throws GridError what reading throws; STORE_FULL, STORE_UNAVAILABLE; the signal's reason
   */
  fetchInto(target: FetchTarget, cap: ChkVerifyCap, signal: AbortSignal): Promise<void>;

  /**
   * URLs of as many whole shares as the file needs, which a browser can fetch by itself and without a secret: of those
   * remembered in `fileCache`. None where there are not enough. Never rejects.
   */
  openShares(cap: ChkVerifyCap): Promise<string[]>;
}

/** Nodes left open for the next read of the same file: each holds some pages of hash trees, 128 KiB a share at most. */
const OPEN_NODES = 16;
/** Bytes that what is kept for good may have on their way. */
const BACKGROUND_WINDOW = 4 * 1024 * 1024;

/** Opens files on the grid of these servers. Costs nothing until a file is read. */
export function createFileNodes(options: FileNodesOptions): FileNodes {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? new EventLog(clock);
  const limits = options.limits ?? defaultLimits;
  const codec = options.codec ?? zfec;
  const health = new HealthBook(clock, limits, options.servers);
  const decoding = new Slots(limits.decodedAtOnce);
  const segmentSizes = new SegmentSizes(limits.segmentSizeGuesses);
  const away = options.fileCache?.away ?? new AwayServers(clock);
  const nodes = new Map<string, FileNode>();
  const contents = new DirectoryContents();
  const mutables = new Map<string, MutableFile>();
  const directories = new Map<string, Directory>();
  const segments =
    options.fileCache?.recent ?? new SegmentCache(options.segmentCacheBytes ?? defaultCacheLimits.inMemory);

  function contextOf(storageIndex: Uint8Array, segmentPrefix: string): DownloadContext {
    return {
      servers: options.servers,
      storageOf: (server) => server.storage,
      health,
      codec,
      decoding,
      clock,
      limits,
      segmentSizes,
      scope: log.scope("node"),
      storageIndexText: encodeBase32(storageIndex),
      traffic: { received: 0, hedged: 0 },
      segmentCache: segments,
      segmentPrefix,
      cachedFile: undefined,
      away: undefined,
    };
  }

  function immutableContextOf(cap: ChkCap | ChkVerifyCap, cachedFile = options.fileCache?.file(cap)): DownloadContext {
    return {
      ...contextOf(cap.storageIndex, `${nameOf(cap, cap.storageIndex)}:`),
      cachedFile,
      away,
    };
  }

  function openImmutable(cap: ChkCap): FileNode {
    const context = immutableContextOf(cap);
    const decipher = decipherImmutable(cap.key);
    decipher.catch(() => {}); // told to every read
    return new StoredFile(cap.size, decipher, new ChkDownload(cap, context), context);
  }

  function open(cap: Cap): FileNode {
    if (cap.kind === "LIT") return new LiteralFile(cap.data);
    if (cap.kind !== "CHK") throw unsupported(cap);
    return lastFew(nodes, OPEN_NODES, nameOf(cap, cap.key), () => openImmutable(cap));
  }

  function openMutable(cap: MutableCap): MutableFile {
    // The read key and the fingerprint are all that reading depends on.
    const name = `${encodeBase32(cap.readKey)}:${encodeBase32(cap.fingerprint)}`;
    return lastFew(mutables, OPEN_NODES, name, () => {
      const context = contextOf(cap.storageIndex, `${encodeBase32(cap.storageIndex)}:`);
      return new MutableFile(cap, { ...context, storageOf: (server) => server.mutableStorage });
    });
  }

  async function openLatest(cap: Cap, signal: AbortSignal): Promise<FileNode> {
    return isMutable(cap) ? openMutable(cap).open(signal) : open(cap);
  }

  /** With the file that it is the content of: of a hundred pictures in it, asked for at once, none must have it read anew. */
  function openDirectory(cap: DirectoryCap): Directory {
    const { content } = cap;
    if (!isMutable(content)) {
      const file = open(content);
      return new Directory(cap, async () => file, contents);
    }
    const file = openMutable(content);
    return new Directory(cap, (signal) => file.open(signal), contents);
  }

  return {
    open,
    openLatest,
    directory: (cap) => lastFew(directories, OPEN_NODES, formatCap(cap), () => openDirectory(cap)),
    async fetchInto(target, cap, signal) {
      if (options.fileCache === undefined) return;
      // Hashes of its own, so that none goes by unseen; and it leaves alone what readers want to have at hand.
      // No reader comes after it who could take over what a pause leaves half done.
      const context = {
        ...immutableContextOf(cap, options.fileCache.file(cap, target)),
        segmentCache: new SegmentCache(0),
        // What it has asked for already, readers have to wait for.
        limits: { ...limits, lingerBytes: 0, windowMost: Math.min(limits.windowMost, BACKGROUND_WINDOW) },
      };
      await fetchMissing(new ChkDownload(cap, context), target, context, options.background, signal);
    },
    async openShares(cap) {
      const roots = new Map(options.servers.known().map(({ id, openRoot }) => [id, openRoot]));
      const urls = new Map<number, string>();
      for (const { serverId, shareNumber } of (await options.fileCache?.file(cap).recall())?.shares ?? []) {
        const root = roots.get(serverId)?.replace(/\/+$/, "");
        if (root !== undefined)
          urls.set(shareNumber, `${root}${sharesPath(encodeBase32(cap.storageIndex), "immutable")}/${shareNumber}`);
      }
      return urls.size < cap.needed ? [] : [...urls.values()].slice(0, cap.needed);
    },
  };
}

/** One key, and one counter from the file's first byte on. */
async function decipherImmutable(key: Uint8Array<ArrayBuffer>): Promise<Decipher> {
  const imported = await importCtrKey(key);
  return (ciphertext, start, from, to) => decryptPieces(imported, start + from, ciphertext.subarray(from, to));
}

/** All of the cap counts: two caps with one storage index may still differ in what they promise. */
function nameOf({ uebHash, needed, total, size }: ChkCap | ChkVerifyCap, first: Uint8Array): string {
  return [encodeBase32(first), encodeBase32(uebHash), needed, total, size].join(":");
}

function unsupported(cap: Exclude<Cap, LitCap | ChkCap>): GridError<"UNSUPPORTED_CAP"> {
  const [kind = ""] = /^URI:[^:]+/.exec(formatCap(cap)) ?? [];
  return new GridError("UNSUPPORTED_CAP", { kind }, `This is a ${kind} cap: ${whyNot(cap.kind)}.`);
}

function whyNot(kind: Exclude<Cap, LitCap | ChkCap>["kind"]): string {
  if (kind === "DIR2") return "it names a directory, and only files can be read";
  if (kind === "SSK" || kind === "MDMF")
    return "it names a file that changes, of which the latest version must be opened";
  return "it allows its holder to check shares, and not to read them";
}
