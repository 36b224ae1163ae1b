import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { equalBytes } from "../../base/bytes.ts";
import { GridError } from "../../base/GridError.ts";
import { formatCap } from "../../formats/formatCap.ts";
import { type Geometry, makeGeometry, paddedSegmentSize } from "../../formats/Geometry.ts";
import { formatShareHeader, predictShareLayout, type ShareLayout } from "../../formats/ShareLayout.ts";
import { storageIndexOf, storageIndexText } from "../../formats/storageIndex.ts";
import { MAX_SEGMENT_SIZE } from "../../formats/Ueb.ts";
import { CIPHERTEXT_TAG } from "../../hashing/tags.ts";
import { permutedServers } from "../../servers/permutedServers.ts";
import { convergentKey } from "./convergentKey.ts";
import { encodeSegments } from "./encodeSegments.ts";
import { FileHashes, type FinishedHashes, shareLength } from "./FileHashes.ts";
import { PlainFile } from "./PlainFile.ts";
import { SharePlacement } from "./SharePlacement.ts";
import type { ShareWriter } from "./ShareWriter.ts";
import { TaggedHasher } from "./TaggedHasher.ts";
import type { UploadServer } from "./UploadServer.ts";
import { uploadFailed } from "./uploadFailed.ts";

/** A file of up to so many bytes is stored in its cap. */
const LITERAL_LIMIT = 55;
/** Requests are of this size, or smaller if there are so many shares that they would take more memory than this. */
const CHUNK = 1024 * 1024;
const CHUNK_MEMORY = 32 * 1024 * 1024;

/** How a file is cut up. */
export interface Encoding {
  /** k, 1..N: so many shares are needed to read the file. */
  readonly needed: number;
  /** N, up to 256: so many shares are made. */
  readonly total: number;
  /** In bytes, up to 64 MiB. */
  readonly maxSegmentSize: number;
}

/** What Tahoe-LAFS clients of today do unless told otherwise. */
export const defaultEncoding: Encoding = { needed: 3, total: 10, maxSegmentSize: 1024 * 1024 };

/** What to put where, and how. */
export interface UploadOptions {
  readonly path: string;
  readonly servers: readonly UploadServer[];
  readonly encoding?: Encoding;
  /**
   * The convergence secret: the same secret, file and encoding make the same cap. Without one a new key is made up. It
   * should be shared only among those who may know that they have the same file.
   */
  readonly convergence?: Uint8Array | undefined;
  readonly progress?: (progress: UploadProgress) => void;
  readonly signal: AbortSignal;
}

/** How far an upload is. */
export interface UploadProgress {
  /** A file with a convergence secret is gone through once for its key, and then again for its shares. */
  readonly phase: "key" | "shares";
  /** Plaintext bytes of this phase. Starts again if shares had to go to other servers. */
  readonly done: number;
  readonly total: number;
}

/** What became of an upload. */
export interface UploadResult {
  /** The read cap: whoever has it can read the file. */
  readonly cap: string;
  /** How many shares are on the grid: N, or 0 for a file in its cap. */
  readonly shares: number;
  /** On how many servers. */
  readonly servers: number;
}

/**
 * Puts a file onto the grid, as `tahoe put` does: all N shares, on as many servers as there are, several on one where
 * there are fewer. Shares that are there already stay; those of a server that fails go to another. In memory is one
 * segment with its blocks, and a chunk or two of each share.
 *
 * @throws GridError UPLOAD_FAILED, BAD_CONFIG for an impossible encoding, or the signal's reason
 */
export async function uploadFile(options: UploadOptions): Promise<UploadResult> {
  const { needed, total, maxSegmentSize } = checkEncoding(options.encoding ?? defaultEncoding);
  // Each share and each server that is asked listens to it, several hundred: Node would warn the caller of a leak.
  const signal = AbortSignal.any([options.signal]);
  setMaxListeners(0, signal);
  const file = await PlainFile.open(options.path);
  try {
    if (file.size <= LITERAL_LIMIT) return { cap: await literalCap(file, signal), shares: 0, servers: 0 };
    const segmentSize = paddedSegmentSize(maxSegmentSize, file.size, needed);
    const geometry = makeGeometry({ size: file.size, segmentSize, needed, total });
    return await new Upload(file, geometry, { ...options, signal }).run();
  } finally {
    await file.close();
  }
}

async function literalCap(file: PlainFile, signal: AbortSignal): Promise<string> {
  let data = new Uint8Array();
  for await (const piece of file.pieces(LITERAL_LIMIT, signal)) data = piece;
  return formatCap({ kind: "LIT", data });
}

function checkEncoding(encoding: Encoding): Encoding {
  const { needed, total, maxSegmentSize } = encoding;
  const isWithin = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  const problem = !isWithin(total, 1, 256)
    ? `N must be 1 to 256, not ${total}`
    : !isWithin(needed, 1, total)
      ? `k must be 1 to N=${total}, not ${needed}`
      : !isWithin(maxSegmentSize, 1, MAX_SEGMENT_SIZE)
        ? `the segment size must be 1 to ${MAX_SEGMENT_SIZE} bytes, not ${maxSegmentSize}`
        : undefined;
  if (problem === undefined) return encoding;
  throw new GridError("BAD_CONFIG", { reason: problem }, `A file cannot be encoded so: ${problem}.`);
}

class Upload {
  readonly #file: PlainFile;
  readonly #geometry: Geometry;
  readonly #layout: ShareLayout;
  readonly #options: UploadOptions;

  constructor(file: PlainFile, geometry: Geometry, options: UploadOptions) {
    this.#file = file;
    this.#geometry = geometry;
    this.#layout = predictShareLayout(geometry);
    this.#options = options;
  }

  async run(): Promise<UploadResult> {
    const { needed, total, size } = this.#geometry;
    const key = await this.#key();
    const storageIndex = storageIndexOf(key);
    const placement = this.#placement(storageIndex);
    await placement.findExisting();
    // The first pass makes all shares: the cap needs the hashes of those, too, that are there already.
    const hashes = new FileHashes(this.#geometry);
    const finished = await this.#firstPass(key, placement, hashes);
    while (placement.missing.length > 0) await this.#furtherPass(key, placement, finished);
    const cap = formatCap({ kind: "CHK", key, storageIndex, uebHash: finished.uebHash, needed, total, size });
    return { cap, shares: total, servers: new Set(placement.placed.values()).size };
  }

  async #key(): Promise<Uint8Array<ArrayBuffer>> {
    const { convergence, signal } = this.#options;
    if (convergence === undefined) return new Uint8Array(randomBytes(16));
    return convergentKey(this.#file, this.#geometry, convergence, (done) => this.#progress("key", done), signal);
  }

  #placement(storageIndex: Uint8Array): SharePlacement {
    const { servers, signal } = this.#options;
    const byServer = new Map(servers.map((one) => [one.server, one]));
    const ordered = permutedServers([...byServer.keys()], storageIndex).map((server) => byServer.get(server)!);
    const placed = {
      storageIndex: storageIndexText(storageIndex),
      shareCount: this.#geometry.total,
      shareLength: shareLength(this.#geometry, this.#layout),
      chunkLength: Math.min(CHUNK, Math.floor(CHUNK_MEMORY / this.#geometry.total)),
    };
    return new SharePlacement(placed, ordered, signal);
  }

  async #firstPass(key: Uint8Array, placement: SharePlacement, hashes: FileHashes): Promise<FinishedHashes> {
    const all = Array.from({ length: this.#geometry.total }, (_, i) => i);
    return this.#writing(placement, async (shares) => {
      for await (const encoded of encodeSegments(this.#file, key, this.#geometry, all, this.#options.signal)) {
        hashes.add(encoded);
        await shares.write((share) => encoded.blocks[share]!);
        this.#progress("shares", encoded.segment * this.#geometry.segmentSize + encoded.ciphertext.length);
      }
      const finished = hashes.finish(this.#layout);
      await shares.write((share) => finished.afterBlocks(share));
      return finished;
    });
  }

  async #furtherPass(key: Uint8Array, placement: SharePlacement, finished: FinishedHashes): Promise<void> {
    const again = placement.missing;
    await this.#writing(placement, async (shares) => {
      const ciphertext = new TaggedHasher(CIPHERTEXT_TAG);
      for await (const encoded of encodeSegments(this.#file, key, this.#geometry, again, this.#options.signal)) {
        ciphertext.update(encoded.ciphertext);
        await shares.write((share) => encoded.blocks[again.indexOf(share)]!);
        this.#progress("shares", encoded.segment * this.#geometry.segmentSize + encoded.ciphertext.length);
      }
      if (!equalBytes(ciphertext.digest(), finished.ciphertextHash)) throw uploadFailed("the file changed meanwhile");
      await shares.write((share) => finished.afterBlocks(share));
    });
  }

  /** Runs `pass` with writers for the missing shares, whose headers are written. A failed writer is dropped. */
  async #writing<T>(placement: SharePlacement, pass: (shares: OpenShares) => Promise<T>): Promise<T> {
    const shares = new OpenShares(await placement.assign(), placement);
    try {
      const header = formatShareHeader(this.#geometry, this.#layout);
      await shares.write(() => header);
      const result = await pass(shares);
      await shares.finish();
      return result;
    } finally {
      await shares.abort();
    }
  }

  #progress(phase: UploadProgress["phase"], done: number): void {
    this.#options.progress?.({ phase, done, total: this.#file.size });
  }
}

/** The shares that are being written. */
class OpenShares {
  readonly #open: Set<ShareWriter>;
  readonly #placement: SharePlacement;
  readonly #aborting: Promise<void>[] = [];

  constructor(writers: readonly ShareWriter[], placement: SharePlacement) {
    this.#open = new Set(writers);
    this.#placement = placement;
  }

  /** Writes to each share the bytes that `bytesOf` gives for its number. */
  async write(bytesOf: (shareNumber: number) => Uint8Array): Promise<void> {
    await this.#each((writer) => writer.write(bytesOf(writer.shareNumber)));
  }

  async finish(): Promise<void> {
    await this.#each(async (writer) => {
      await writer.finish();
      this.#open.delete(writer);
      this.#placement.complete(writer);
    });
  }

  /** Gives up those that are not complete, so that their servers can take them again. */
  async abort(): Promise<void> {
    for (const writer of this.#open) this.#drop(writer);
    await Promise.all(this.#aborting);
  }

  #drop(writer: ShareWriter): void {
    this.#open.delete(writer);
    this.#aborting.push(writer.abort());
  }

  async #each(work: (writer: ShareWriter) => Promise<void>): Promise<void> {
    await Promise.all(
      [...this.#open].map(async (writer) => {
        try {
          await work(writer);
        } catch (error) {
          this.#drop(writer);
          this.#placement.fail(writer.server, error);
        }
      }),
    );
  }
}
