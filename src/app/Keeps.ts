import type { Keep } from "../base/Keep.ts";
import type { Grid } from "../client/Grid.ts";

/** Which of the library's files are kept offline, and how far that is. */
export class Keeps {
  readonly #grid: Grid;
  /** By cap: what a keep says of itself is not secret, and so has none. */
  readonly #ids = new Map<string, string>();
  readonly #keeps = new Map<string, Keep>();
  readonly #listeners = new Set<() => void>();

  constructor(grid: Grid) {
    this.#grid = grid;
    void this.#follow();
  }

  of(cap: string): Keep | undefined {
    const id = this.#ids.get(cap);
    return id === undefined ? undefined : this.#keeps.get(id);
  }

  /** Finds out how these files are kept; those of which it is known already are not asked for again. */
  async look(caps: readonly string[]): Promise<void> {
    const unknown = caps.filter((cap) => this.of(cap) === undefined);
    const found = await Promise.all(unknown.map((cap) => this.#grid.keepOf(cap).catch(() => undefined)));
    for (const [at, keep] of found.entries()) if (keep !== undefined) this.#set(unknown[at]!, keep);
    if (found.some((keep) => keep !== undefined)) this.#tell();
  }

  /** @throws GridError as `grid.keep` */
  async keep(cap: string): Promise<void> {
    this.#set(cap, await this.#grid.keep(cap));
    this.#tell();
  }

  /** @throws GridError as `grid.pauseKeeping` */
  async pause({ id }: Keep): Promise<void> {
    await this.#grid.pauseKeeping(id);
  }

  /** @throws GridError as `grid.removeKept` */
  async remove({ id }: Keep): Promise<void> {
    await this.#grid.removeKept(id);
    this.#keeps.delete(id);
    this.#tell();
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  async #follow(): Promise<void> {
    for await (const event of this.#grid.keepEvents()) {
      if (event.state === "removed") this.#keeps.delete(event.id);
      else this.#keeps.set(event.id, event);
      this.#tell();
    }
  }

  #set(cap: string, keep: Keep): void {
    this.#ids.set(cap, keep.id);
    this.#keeps.set(keep.id, keep);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
