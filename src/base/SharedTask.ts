import { noLongerWanted } from "./noLongerWanted.ts";

/**
 * Work that several callers wait for. It runs once; each caller has a signal of its own, and the work's signal is aborted
 * when the last caller has left. Leaving late or twice does nothing.
 */
export class SharedTask<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  readonly #left: (callOff: () => void) => void;
  #waiting = 0;
  #settled = false;

  /**
   * Starts the work at once. `work` must settle soon after its signal is aborted.
   *
   * @param left is called when the last caller has left before the end; calls the work off by what it gets, which does nothing
   *   while somebody waits. At once unless given.
   */
  constructor(work: (signal: AbortSignal) => Promise<T>, left = (callOff: () => void) => callOff()) {
    this.#left = left;
    this.#result = this.#run(work);
    // Every caller has its own view of a failure; with none left it is nobody's.
    this.#result.catch(() => {});
  }

  /** True once the work failed, or the last caller left before its end: a newcomer must start it anew. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The work's result, or the signal's reason as soon as it is aborted. */
  join(signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) {
        if (this.#waiting === 0) this.#leave();
        reject(signal.reason);
        return;
      }
      this.#waiting++;
      const settle = (): void => {
        signal.removeEventListener("abort", abort);
        this.#waiting--;
      };
      const abort = (): void => {
        settle();
        this.#leave();
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#result.then(
        (value) => {
          if (signal.aborted) return;
          settle();
          resolve(value);
        },
        (error: unknown) => {
          if (signal.aborted) return;
          settle();
          reject(error);
        },
      );
    });
  }

  async #run(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await work(this.#controller.signal);
    } catch (error) {
      // Parts of it may still be at work.
      this.#controller.abort(noLongerWanted);
      throw error;
    } finally {
      this.#settled = true;
    }
  }

  #leave(): void {
    if (this.#waiting > 0 || this.#settled) return;
    this.#left(() => {
      if (this.#waiting === 0 && !this.#settled) this.#controller.abort(noLongerWanted);
    });
  }
}
