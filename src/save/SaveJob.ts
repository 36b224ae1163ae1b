import { concatBytes } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import { GridFile } from "../client/GridFile.ts";
import type { DiskFile } from "./DiskFile.ts";
import { type Bytes, DIGEST, digestOf, inPieces, PIECE, verifiedLength } from "./pieces.ts";
import { ROW, type SaveRecord, type SaveStore } from "./SaveStore.ts";

/** What is written is put in its place after so many bytes, and after as many as are in their place already. */
const FIRST_SPAN = 64 * 2 ** 20;

/**
 * Writes one save, in one tab. What a browser writes goes to a file beside the chosen one and takes its place only when that is closed; opened again, it
 * is copied first. So the spans between two closings double: all copying together is at most the file once more.
 *
 * A digest is on disk before its piece can be in its place. So the digests say what should be there, the disk says how much of it is there, and
 * neither has to be believed.
 *
 * @see https://fs.spec.whatwg.org/#dom-filesystemfilehandle-createwritable
 */
export class SaveJob {
  readonly #id: string;
  readonly #disk: DiskFile;
  readonly #store: SaveStore;
  readonly #tell: (written: number, size: number) => void;
  /** Bytes that are in their place; undefined before that was looked at. */
  #at: number | undefined;
  /** Of the last pieces, those that are no whole row of the store yet. */
  #row: Bytes[] = [];

  /** @param tell hears of every piece */
  constructor(id: string, disk: DiskFile, store: SaveStore, tell: (written: number, size: number) => void) {
    this.#id = id;
    this.#disk = disk;
    this.#store = store;
    this.#tell = tell;
  }

  /**
   * Goes on to the end. What is there when it throws is in its place, and the next run goes on from it.
   *
   * @throws what opening and reading the file throws; STORE_FULL, STORE_UNAVAILABLE, of the disk and of the browser's storage;
   *   the signal's reason
   */
  async run({ url, etag, size }: SaveRecord, signal: AbortSignal): Promise<void> {
    const file = await GridFile.open(url, signal);
    // A file that was overwritten is saved anew: nobody wants half of each.
    if (file.etag !== etag || file.size !== size) await this.#startAnew(file);
    this.#at ??= await this.#verify(file.size, signal);
    this.#tell(this.#at, file.size);
    do await this.#writeSpan(file, signal);
    while (this.#at < file.size);
    await this.#store.forgetDigests(this.#id);
  }

  async #startAnew({ etag, size }: GridFile): Promise<void> {
    await this.#store.forgetDigests(this.#id);
    await this.#store.change(this.#id, (record) => ({ ...record, etag, size, written: 0 }));
    this.#row = [];
    this.#at = 0;
  }

  async #verify(size: number, signal: AbortSignal): Promise<number> {
    const digests = await this.#store.digests(this.#id);
    const disk = await onDisk(() => this.#disk.getFile());
    const at = await onDisk(() => verifiedLength(disk, digests, size, signal), signal);
    const pieces = Math.ceil(at / PIECE);
    this.#row = Array.from({ length: pieces % ROW }, (_, index) => {
      const start = (pieces - (pieces % ROW) + index) * DIGEST;
      return digests.slice(start, start + DIGEST);
    });
    return at;
  }

  /** Puts some more in its place. */
  async #writeSpan(file: GridFile, signal: AbortSignal): Promise<void> {
    const from = this.#at ?? 0;
    const span = Math.max(FIRST_SPAN, from);
    let at = from;
    let writing: FileSystemWritableFileStream | undefined;
    const open = () => onDisk(() => this.#openAt(from));
    try {
      for await (const piece of inPieces(file.read({ offset: from, signal }))) {
        // Not before something is there: opening copies what is in its place.
        writing ??= await open();
        const [digest] = await Promise.all([digestOf(piece), this.#write(writing, at, piece)]);
        at += piece.length;
        await this.#remember(digest, at);
        this.#tell(at, file.size);
        if (at - from >= span) break;
      }
      // An empty file, or one that is there to its end already.
      writing ??= await open();
    } finally {
      await this.#putInPlace(writing, at);
    }
  }

  async #openAt(from: number): Promise<FileSystemWritableFileStream> {
    const writing = await this.#disk.createWritable({ keepExistingData: from > 0 });
    // What follows is not ours.
    await writing.truncate(from);
    return writing;
  }

  #write(writing: FileSystemWritableFileStream, position: number, data: Bytes): Promise<void> {
    return onDisk(() => writing.write({ type: "write", position, data }));
  }

  async #remember(digest: Bytes, at: number): Promise<void> {
    this.#row.push(digest);
    if (this.#row.length === ROW) await this.#putRow(at);
  }

  async #putRow(at: number): Promise<void> {
    const { length } = this.#row;
    if (length === 0) return;
    await this.#store.putDigests(this.#id, Math.ceil(at / PIECE) - length, concatBytes(this.#row));
    if (length === ROW) this.#row = [];
  }

  async #putInPlace(writing: FileSystemWritableFileStream | undefined, at: number): Promise<void> {
    if (writing === undefined) return;
    try {
      await this.#putRow(at);
    } catch (error) {
      await writing.abort().catch(() => undefined);
      throw error;
    }
    await onDisk(() => writing.close());
    this.#at = at;
    await this.#store.change(this.#id, (record) => ({ ...record, written: at }));
  }
}

/** @throws what the person's disk says, in our words; the signal's reason */
async function onDisk<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    signal?.throwIfAborted();
    const store = "the chosen file";
    const name = cause instanceof Error ? cause.name : "an unknown error";
    if (name === "QuotaExceededError")
      throw new GridError("STORE_FULL", { store }, "There is no room left on the disk. Make some, and resume.", {
        cause,
      });
    const reason = REASONS[name] ?? `the browser says ${name}`;
    const message = `The chosen file cannot be written: ${reason}.`;
    throw new GridError("STORE_UNAVAILABLE", { store, reason }, message, { cause });
  }
}

/** What browsers say of a file. */
const REASONS: Readonly<Record<string, string>> = {
  NotFoundError: "it, or its folder, is no longer there; save it anew",
  NotAllowedError: "the browser does not let this app write it any more; resume by a click",
  NoModificationAllowedError: "another program or another tab is writing it",
  InvalidStateError: "another program has changed it meanwhile; resume to go on with what is right of it",
};
