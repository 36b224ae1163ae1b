import type { Grid } from "../client/Grid.ts";
import { element } from "./element.ts";
import { formatSize } from "./formatSize.ts";

/** Players read in bursts: a shorter window would show those, and not the grid's speed. */
const WINDOW_MS = 3_000;
const IDLE_MS = 1_500;

interface Arrival {
  readonly at: number;
  readonly bytes: number;
}

/** Shows how fast a file comes while it does, whichever tab reads it. */
export class SpeedMeter {
  readonly box = element("span", { className: "quiet speed" });
  #arrivals: Arrival[] = [];
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** @param signal ends it */
  constructor(grid: Grid, url: string, signal: AbortSignal) {
    this.#follow(grid, url, signal).catch(() => undefined);
  }

  async #follow(grid: Grid, url: string, signal: AbortSignal): Promise<void> {
    const delivered = new Map<string, number>();
    for await (const event of grid.reads({ signal })) {
      if (event.url !== url) continue;
      this.#arrived(event.delivered - (delivered.get(event.id) ?? 0));
      if (event.type === "started" || event.type === "progress") delivered.set(event.id, event.delivered);
      else delivered.delete(event.id);
    }
  }

  #arrived(bytes: number): void {
    const now = performance.now();
    this.#arrivals = [...this.#arrivals.filter(({ at }) => now - at < WINDOW_MS), { at: now, bytes }];
    const since = Math.max(250, now - this.#arrivals[0]!.at);
    const sum = this.#arrivals.reduce((total, arrival) => total + arrival.bytes, 0);
    this.box.textContent = `${formatSize((sum / since) * 1000)}/s`;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.box.textContent = "";
      this.#arrivals = [];
    }, IDLE_MS);
  }
}
