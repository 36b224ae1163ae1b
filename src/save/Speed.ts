const WINDOW_MS = 10_000;

/** How fast something comes, from how far it was at which time. */
export class Speed {
  #marks: { readonly at: number; readonly reached: number }[] = [];

  /**
   * Bytes a second in the last ten seconds; undefined where that cannot be told yet.
   *
   * @param now in milliseconds
   * @param reached in bytes
   */
  at(now: number, reached: number): number | undefined {
    this.#marks = [...this.#marks.filter(({ at }) => now - at < WINDOW_MS), { at: now, reached }];
    const [first] = this.#marks;
    if (first === undefined || now === first.at) return undefined;
    return ((reached - first.reached) / (now - first.at)) * 1000;
  }
}
