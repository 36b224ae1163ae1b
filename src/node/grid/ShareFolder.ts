import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { equalBytes } from "../../base/bytes.ts";
import { Spans } from "../../base/Spans.ts";

/** An upload that nobody has touched for so long is given up when somebody else wants to make the same share. */
const ABANDONED_AFTER = 60_000;

/** A share that is being written. */
interface Incoming {
  readonly path: string;
  readonly size: number;
  readonly uploadSecret: string;
  readonly written: Spans;
  lastWrite: number;
}

export type WriteOutcome = "unknown" | "wrong secret" | "too long" | "conflict" | "incomplete" | "complete";

/** One server's shares: `shares/<storage index>/<share number>` when complete, `incoming/…` before. */
export class ShareFolder {
  readonly #shares: string;
  readonly #incomingFolder: string;
  readonly #incoming = new Map<string, Incoming>();

  /** @param folder the server's own. Shares left incomplete by an earlier run are deleted by `open`. */
  private constructor(folder: string) {
    this.#shares = join(folder, "shares");
    this.#incomingFolder = join(folder, "incoming");
  }

  static async open(folder: string): Promise<ShareFolder> {
    const shares = new ShareFolder(folder);
    await rm(shares.#incomingFolder, { recursive: true, force: true });
    await mkdir(shares.#shares, { recursive: true });
    return shares;
  }

  /** The numbers of the complete shares, ascending. */
  async list(storageIndex: string): Promise<number[]> {
    const names = await readdir(join(this.#shares, storageIndex)).catch(emptyIfMissing);
    return names.map(Number).sort((a, b) => a - b);
  }

  /** A complete share, to be closed by the caller; undefined if there is none. */
  async openShare(storageIndex: string, shareNumber: number): Promise<FileHandle | undefined> {
    return open(join(this.#shares, storageIndex, String(shareNumber))).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  }

  /** Makes room for shares. Those that are complete, and those that another upload is making, are not in `allocated`. */
  async allocate(
    storageIndex: string,
    shareNumbers: readonly number[],
    size: number,
    uploadSecret: string,
  ): Promise<{ alreadyHave: number[]; allocated: number[] }> {
    const alreadyHave = await this.list(storageIndex);
    const allocated: number[] = [];
    for (const shareNumber of shareNumbers) {
      if (alreadyHave.includes(shareNumber)) continue;
      const key = keyOf(storageIndex, shareNumber);
      const present = this.#incoming.get(key);
      if (present === undefined || performance.now() - present.lastWrite > ABANDONED_AFTER) {
        await this.#begin(key, size, uploadSecret);
        allocated.push(shareNumber);
      } else if (present.uploadSecret === uploadSecret) allocated.push(shareNumber);
    }
    return { alreadyHave, allocated };
  }

  async #begin(key: string, size: number, uploadSecret: string): Promise<void> {
    const path = join(this.#incomingFolder, key);
    this.#incoming.set(key, { path, size, uploadSecret, written: new Spans(), lastWrite: performance.now() });
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, "w")).close();
  }

  /** Writes bytes of a share. With the last missing ones it becomes complete. */
  async write(
    storageIndex: string,
    shareNumber: number,
    uploadSecret: string,
    offset: number,
    bytes: Uint8Array,
  ): Promise<WriteOutcome> {
    const key = keyOf(storageIndex, shareNumber);
    const share = this.#incoming.get(key);
    if (share === undefined) return "unknown";
    if (share.uploadSecret !== uploadSecret) return "wrong secret";
    if (offset + bytes.length > share.size) return "too long";
    share.lastWrite = performance.now();
    const file = await open(share.path, "r+");
    try {
      if (await this.#conflicts(share, file, offset, bytes)) return "conflict";
      await file.write(bytes, 0, bytes.length, offset);
    } finally {
      await file.close();
    }
    share.written.add(offset, bytes.length);
    if (!share.written.contains(0, share.size)) return "incomplete";
    await mkdir(join(this.#shares, storageIndex), { recursive: true });
    await rename(share.path, join(this.#shares, key));
    this.#incoming.delete(key);
    return "complete";
  }

  async #conflicts(share: Incoming, file: FileHandle, offset: number, bytes: Uint8Array): Promise<boolean> {
    const again = share.written.intersection(new Spans([{ offset, length: bytes.length }]));
    for (const { offset: start, length } of again) {
      const { buffer } = await file.read(new Uint8Array(length), 0, length, start);
      if (!equalBytes(buffer, bytes.subarray(start - offset, start - offset + length))) return true;
    }
    return false;
  }

  /** The half-open ranges that an incomplete share lacks. */
  missing(storageIndex: string, shareNumber: number): { begin: number; end: number }[] {
    const share = this.#incoming.get(keyOf(storageIndex, shareNumber));
    if (share === undefined) return [];
    const missing = new Spans([{ offset: 0, length: share.size }]).difference(share.written);
    return [...missing].map(({ offset, length }) => ({ begin: offset, end: offset + length }));
  }

  /** Forgets an incomplete share. False if there is none under this secret. */
  async abort(storageIndex: string, shareNumber: number, uploadSecret: string): Promise<boolean> {
    const key = keyOf(storageIndex, shareNumber);
    const share = this.#incoming.get(key);
    if (share?.uploadSecret !== uploadSecret) return false;
    this.#incoming.delete(key);
    await rm(share.path, { force: true });
    return true;
  }
}

function keyOf(storageIndex: string, shareNumber: number): string {
  return `${storageIndex}/${shareNumber}`;
}

function emptyIfMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
