import { equalBytes } from "../base/bytes.ts";
import { SharedTask } from "../base/SharedTask.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { MutableDownload, type VersionEvents } from "../download/MutableDownload.ts";
import { type FoundVersion, MutableVersionFinder } from "../download/MutableVersionFinder.ts";
import { Outage } from "../download/Outage.ts";
import { stillStands } from "../download/stillStands.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { MutableCap } from "../formats/Cap.ts";
import { SALT_LENGTH } from "../formats/mutableHeader.ts";
import { dataKeyOf } from "../formats/mutableKeys.ts";
import { decryptPieces, importCtrKey } from "../hashing/ctr.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { type Decipher, StoredFile } from "./StoredFile.ts";

/**
 * So long after a search it is enough that those who hold the version found still do. Shares of a newer one may turn up on servers
 * that were away, so that after this it is searched for anew.
 */
const FRESH_MS = 10_000;

/** A file that changes. It is read as the version that is the latest when it is opened. */
export class MutableFile {
  readonly #cap: MutableCap;
  readonly #context: DownloadContext;
  readonly #outage: Outage;
  #latest: { readonly node: MutableFileVersion; readonly until: number } | undefined;
  /** Under way, and the one after it, which has not begun. */
  #looking: SharedTask<FileNode> | undefined;
  #next: SharedTask<FileNode> | undefined;

  constructor(cap: MutableCap, context: DownloadContext) {
    this.#cap = cap;
    this.#context = context;
    this.#outage = new Outage(context);
  }

  /**
   * The version that is the latest now, as a file that stays as it is. Costs two round trips; one if there was a search within the
   * last ten seconds. Who comes while that is under way shares the next look with all others who do: the one that has begun may
   * have missed what was written since.
   * @throws GridError NO_VERSION; the signal's reason
   */
  async open(signal: AbortSignal): Promise<FileNode> {
    signal.throwIfAborted();
    if (this.#next === undefined || this.#next.isAbandoned) this.#next = this.#lookAfter(this.#looking);
    return this.#next.join(signal);
  }

  #lookAfter(before: SharedTask<FileNode> | undefined): SharedTask<FileNode> {
    const look = new SharedTask<FileNode>(async (signal) => {
      // Whatever came of it.
      await before?.join(signal).catch(() => {});
      signal.throwIfAborted();
      this.#looking = look;
      this.#next = undefined;
      return this.#look(signal);
    });
    return look;
  }

  /** Outlasts, as reads do, that all servers of a file that was opened before are away. */
  #look(signal: AbortSignal): Promise<FileNode> {
    return this.#outage.outlast(this.#context.scope, signal, () => this.#lookNow(signal));
  }

  async #lookNow(signal: AbortSignal): Promise<FileNode> {
    const latest = this.#latest;
    const isFresh = latest !== undefined && this.#context.clock.now() < latest.until;
    if (isFresh && (await latest.node.stillStands(signal))) return latest.node;
    const finder = new MutableVersionFinder(this.#cap, this.#context);
    try {
      return this.#take(await finder.find(signal));
    } catch (error) {
      this.#outage.defeated(finder.mayRecover);
      throw error;
    }
  }

  /** A version that was known before stays the same file: what was made of its content still holds. */
  #take(found: FoundVersion): FileNode {
    const until = this.#context.clock.now() + FRESH_MS;
    if (this.#latest?.node.renew(found)) {
      this.#latest = { ...this.#latest, until };
      return this.#latest.node;
    }
    const node: MutableFileVersion = new MutableFileVersion(this.#cap, found, this.#context, {
      failed: () => {
        if (this.#latest?.node === node) this.#latest = { node, until: 0 };
      },
      changed: (other) => this.#take(other),
    });
    this.#latest = { node, until };
    return node;
  }
}

/** One version of a mutable file. */
class MutableFileVersion implements FileNode {
  readonly size: number;
  readonly version: string;
  readonly #context: DownloadContext;
  readonly #download: MutableDownload;
  readonly #content: StoredFile;
  #found: FoundVersion;

  constructor(cap: MutableCap, found: FoundVersion, context: DownloadContext, events: VersionEvents) {
    this.size = found.version.size;
    this.version = `${found.version.sequence}-${encodeBase32(found.version.root)}`;
    const segmentPrefix = `${context.segmentPrefix}${encodeBase32(found.signed)}:`;
    this.#context = { ...context, segmentPrefix };
    this.#found = found;
    this.#download = new MutableDownload(cap, found, this.#context, events);
    this.#content = new StoredFile(
      this.size,
      Promise.resolve(decipherWith(cap.readKey)),
      this.#download,
      this.#context,
    );
  }

  read(options?: ReadOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#content.read(options);
  }

  /** Is it still what its servers hold? Costs a round trip. @throws the signal's reason */
  stillStands(signal: AbortSignal): Promise<boolean> {
    return stillStands(this.#found, this.#context, signal);
  }

  /** Goes on with the shares that were found just now. @returns whether they are of this version */
  renew(found: FoundVersion): boolean {
    if (!equalBytes(found.signed, this.#found.signed)) return false;
    this.#found = found;
    this.#download.renew(found);
    return true;
  }
}

/** Each segment has a key of its own, made of the salt that follows its ciphertext, and its counter starts at zero. */
function decipherWith(readKey: Uint8Array): Decipher {
  return async (segment, _start, from, to) => {
    const salt = segment.slice(-SALT_LENGTH);
    const ciphertext = segment.slice(from, to);
    const key = await importCtrKey(dataKeyOf(salt, readKey));
    return decryptPieces(key, from, ciphertext);
  };
}
