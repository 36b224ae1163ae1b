import { announce } from "./announce.ts";

/** The bodies under way. */
export class StreamCount {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts a body until it has ended, and tells the pages that it begins: those that hear it keep the worker alive. */
  async add(ended: Promise<void>): Promise<void> {
    this.#count++;
    await Promise.allSettled([announce("streaming", {}), ended]);
    this.#count--;
  }
}
