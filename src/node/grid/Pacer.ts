import { type Dials, noDials } from "./Dials.ts";

/** With a limited bandwidth, pieces of 1/50 s keep the flow even; smaller ones than this cost more than they smooth. */
const LEAST_PIECE = 1024;
/** Bytes of a piece, at most. */
export const MOST_PIECE = 256 * 1024;

/** Holds answers back as the dials say. One for each server: its answers share its bandwidth. */
export class Pacer {
  #dials: Dials = noDials;
  readonly #pausing = new Set<() => void>();
  /** When the line is free again for the next piece, in milliseconds of performance.now(). */
  #freeAt = 0;

  get dials(): Dials {
    return this.#dials;
  }

  /** New settings hold at once, for answers under way too. */
  turn(dials: Dials): void {
    this.#dials = dials;
    this.#freeAt = 0;
    for (const end of [...this.#pausing]) end();
  }

  /** How many bytes are best sent at a time. */
  get pieceLength(): number {
    const { bandwidth } = this.#dials;
    return bandwidth === 0 ? MOST_PIECE : Math.max(LEAST_PIECE, Math.min(MOST_PIECE, Math.floor(bandwidth / 50)));
  }

  /** The way to the server and back. Rejects when the signal is aborted. */
  async beforeAnswer(signal: AbortSignal): Promise<void> {
    if (this.#dials.latency > 0) await this.#pause(this.#dials.latency, signal);
    await this.#whileHanging(signal);
  }

  /** Resolves when so many bytes may go out. Rejects when the signal is aborted. */
  async beforeSending(bytes: number, signal: AbortSignal): Promise<void> {
    await this.#whileHanging(signal);
    const { bandwidth } = this.#dials;
    if (bandwidth === 0) return;
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / bandwidth) * 1000;
    await this.#pause(this.#freeAt - now, signal);
    await this.#whileHanging(signal);
  }

  async #whileHanging(signal: AbortSignal): Promise<void> {
    while (this.#dials.hang) await this.#pause(undefined, signal);
  }

  /** Resolves after `ms` (never, if undefined) or when a dial is turned. */
  #pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#pausing.delete(end);
        signal.removeEventListener("abort", end);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(end, ms);
      this.#pausing.add(end);
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
    });
  }
}
