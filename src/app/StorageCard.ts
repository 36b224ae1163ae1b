import type { Grid } from "../client/Grid.ts";
import { element } from "./element.ts";
import { formatSize } from "./formatSize.ts";

/** How much room the app takes on this device, and whether the browser may clear it by itself. */
export class StorageCard {
  readonly #grid: Grid;
  readonly #meter = element("meter", { min: 0 });
  readonly #usage = element("p", { className: "quiet" });
  readonly #promise = element("p", { className: "quiet" });
  readonly #persist = element("button", { type: "button", className: "plain" }, "Ask the browser not to clear it");

  /** @param box is filled */
  constructor(box: HTMLElement, grid: Grid) {
    this.#grid = grid;
    this.#meter.ariaLabel = "Storage in use";
    this.#persist.addEventListener("click", () => void this.#ask());
    box.replaceChildren(this.#meter, this.#usage, this.#promise, this.#persist);
  }

  async show(): Promise<void> {
    const [{ usage, quota, persisted, keepsSecrets }, keeps] = await Promise.all([
      this.#grid.storage(),
      this.#grid.keeps().catch(() => []),
    ]);
    const kept = keeps.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
    this.#meter.hidden = usage === undefined || quota === undefined;
    this.#meter.max = quota ?? 1;
    this.#meter.value = usage ?? 0;
    const room =
      usage === undefined || quota === undefined
        ? "This browser does not say how much is in use."
        : `${formatSize(usage)} in use of ${formatSize(quota)} that the browser allows.`;
    this.#usage.textContent = `${room} Files kept offline: ${formatSize(kept)}.`;
    this.#promise.textContent =
      keepsSecrets === false
        ? "This browser stores no keys here: your library is gone when this page is closed."
        : persisted
          ? "The browser has promised to clear none of it by itself."
          : "The browser may clear it when the disk is nearly full, and your library with it.";
    this.#persist.hidden = persisted || navigator.storage?.persist === undefined;
  }

  async #ask(): Promise<void> {
    const isGranted = await navigator.storage.persist().catch(() => false);
    await this.show();
    if (!isGranted) {
      this.#promise.textContent =
        "The browser did not agree. Most do once the app is installed, or was used for some time.";
    }
  }
}
