import { SharedTask } from "../base/SharedTask.ts";

/**
 * What a reader makes of a segment's ciphertext. It must have taken all that it needs when it returns (crypto.subtle copies its input
 * before it does): the memory is used again at once.
 */
export type TakeSegment<T> = (ciphertext: Uint8Array<ArrayBuffer>) => Promise<T>;

/**
 * The way of one segment to all readers who want it. The work is done once; the ciphertext is shown to each reader and then its memory
 * is used again, so that no reader has to say when he is done with it.
 */
export class SharedSegment {
  readonly #task: SharedTask<void>;
  readonly #takers = new Set<(ciphertext: Uint8Array<ArrayBuffer>) => void>();
  #isServed = false;

  /**
   * Starts the work at once: it calls `serve` with the verified ciphertext, which may be overwritten afterwards.
   * @param left as a SharedTask's
   */
  constructor(
    work: (signal: AbortSignal, serve: (ciphertext: Uint8Array<ArrayBuffer>) => void) => Promise<void>,
    left: (callOff: () => void) => void,
  ) {
    this.#task = new SharedTask((signal) => work(signal, (ciphertext) => this.#serve(ciphertext)), left);
  }

  /** Whoever wants the segment now must start anew. */
  get isOver(): boolean {
    return this.#isServed || this.#task.isAbandoned;
  }

  /** @throws what the work fails with; what `take` rejects with; the signal's reason */
  async join<T>(take: TakeSegment<T>, signal: AbortSignal): Promise<T> {
    let taken: Promise<T> | undefined;
    const taker = (ciphertext: Uint8Array<ArrayBuffer>): void => {
      taken = take(ciphertext);
      // Heard below, unless the reader leaves first.
      taken.catch(() => {});
    };
    this.#takers.add(taker);
    try {
      await this.#task.join(signal);
    } finally {
      this.#takers.delete(taker);
    }
    return taken as Promise<T>;
  }

  #serve(ciphertext: Uint8Array<ArrayBuffer>): void {
    this.#isServed = true;
    for (const taker of this.#takers) taker(ciphertext);
  }
}
