import { badFormat } from "../base/badFormat.ts";
import { equalBytes } from "../base/bytes.ts";
import { GridError, type ServerOutcome } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { MutableCap } from "../formats/Cap.ts";
import { mutableBlockRange, mutableSegmentCount } from "../formats/mutableHeader.ts";
import { dataKeyOf } from "../formats/mutableKeys.ts";
import { decryptCtr, importCtrKey } from "../hashing/ctr.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { MutableShare, SaltedBlock } from "./MutableShare.ts";
import type { FoundVersion } from "./MutableVersionFinder.ts";
import { reasonOf } from "./reasonOf.ts";

/** Gets the plaintext segments of one version of a mutable file. */
export class MutableDownload {
  readonly #cap: MutableCap;
  readonly #found: FoundVersion;
  readonly #context: DownloadContext;
  readonly #dead = new Map<MutableShare, string>();

  constructor(cap: MutableCap, found: FoundVersion, context: DownloadContext) {
    this.#cap = cap;
    this.#found = found;
    this.#context = context;
  }

  /**
   * A segment's plaintext, verified, without padding.
   * @throws GridError NOT_ENOUGH_SHARES, or BAD_FORMAT for shares that contradict each other; the signal's reason
   */
  async segment(segment: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { version } = this.#found;
    const blocks = await this.#gather(segment, signal);
    const salts = [...blocks.values()].map(({ salt }) => salt);
    const [salt] = salts;
    if (salt === undefined || salts.some((other) => !equalBytes(other, salt))) {
      throw badFormat("mutable file", `the shares have different salts for segment ${segment}`);
    }
    const bytes = new Map([...blocks].map(([number, { block }]) => [number, block]));
    const blockLength = [...bytes.values()][0]?.length ?? 0;
    const ciphertext = new Uint8Array(version.needed * blockLength);
    this.#context.codec.decode({ needed: version.needed, total: version.total }, bytes, ciphertext);
    const isTail = segment === mutableSegmentCount(version) - 1;
    const length = isTail ? version.size - segment * version.segmentSize : version.segmentSize;
    const key = await importCtrKey(dataKeyOf(salt, this.#cap.readKey));
    // The counter starts at zero in every segment: each has a key of its own.
    const plaintext = await decryptCtr(key, 0, ciphertext.subarray(0, length));
    signal.throwIfAborted();
    return plaintext;
  }

  /** Blocks from k shares: the fastest first, another one where one fails, and beside one that is late. */
  #gather(segment: number, signal: AbortSignal): Promise<Map<number, SaltedBlock>> {
    const { needed } = this.#found.version;
    const { clock, health } = this.#context;
    const over = new AbortController();
    const blocks = new Map<number, SaltedBlock>();
    const running = new Map<MutableShare, { isLate: boolean }>();
    const cancels = new Set<() => void>();
    return new Promise<Map<number, SaltedBlock>>((resolve, reject) => {
      const step = (): void => {
        if (blocks.size >= needed) end(() => resolve(blocks));
        while (!over.signal.aborted) {
          const prompt = [...running.values()].filter(({ isLate }) => !isLate).length;
          if (blocks.size + prompt >= needed) return;
          const share = this.#choose(blocks, running);
          if (share === undefined) break;
          start(share);
        }
        if (over.signal.aborted) return;
        const hopeful = new Set([...blocks.keys(), ...[...running.keys()].map(({ number }) => number)]);
        if (hopeful.size < needed) end(() => reject(this.#defeat()));
      };
      const start = (share: MutableShare): void => {
        const runner = { isLate: false };
        running.set(share, runner);
        const { length } = mutableBlockRange(share.header, segment);
        const cancel = clock.after(health.patience(share.server, length), () => {
          runner.isLate = true;
          step();
        });
        cancels.add(cancel);
        share
          .block(segment, this.#found.shareTree, AbortSignal.any([over.signal]))
          .then(
            (block) => {
              if (!blocks.has(share.number) && blocks.size < needed) blocks.set(share.number, block);
            },
            (error: unknown) => {
              if (over.signal.aborted) return;
              this.#dead.set(share, reasonOf(error));
              health.of(share.server).failed();
            },
          )
          .finally(() => {
            cancel();
            running.delete(share);
            step();
          });
      };
      const end = (report: () => void): void => {
        signal.removeEventListener("abort", abort);
        for (const cancel of cancels) cancel();
        over.abort(noLongerWanted);
        report();
      };
      const abort = (): void => end(() => reject(signal.reason));
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else step();
    });
  }

  /** The one from which a block is expected soonest, of a number that no block is here of, nor expected in time. */
  #choose(
    blocks: ReadonlyMap<number, SaltedBlock>,
    running: ReadonlyMap<MutableShare, { isLate: boolean }>,
  ): MutableShare | undefined {
    const taken = new Set(blocks.keys());
    for (const [{ number }, { isLate }] of running) if (!isLate) taken.add(number);
    const { health } = this.#context;
    const expected = (share: MutableShare): number =>
      health.expected(share.server, share.header.version.segmentSize) +
      (health.of(share.server).isOnProbation ? 1e6 : 0);
    return this.#found.shares
      .filter((share) => !this.#dead.has(share) && !running.has(share) && !taken.has(share.number))
      .sort((a, b) => expected(a) - expected(b) || a.number - b.number)[0];
  }

  #defeat(): GridError<"NOT_ENOUGH_SHARES"> {
    const { needed } = this.#found.version;
    const found = new Set(this.#found.shares.map(({ number }) => number)).size;
    const servers: ServerOutcome[] = [...this.#dead].map(([{ server, number }, reason]) => ({
      server: server.name,
      outcome: `share ${number}: ${reason}`,
    }));
    return new GridError(
      "NOT_ENOUGH_SHARES",
      { needed, found, servers },
      `${found} shares of this version were found, ${needed} are needed, and too few of them could be used. Try again later.`,
    );
  }
}
