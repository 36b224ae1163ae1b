import type { Keep } from "../base/Keep.ts";
import { actionButton, iconButton } from "./actionButton.ts";
import { confirmAction } from "./dialogs.ts";
import { element, say } from "./element.ts";
import { formatSize } from "./formatSize.ts";
import type { Keeps } from "./Keeps.ts";
import { keepStatus } from "./keepStatus.ts";
import type { Notice } from "./Notice.ts";

/** Keeps a file offline, shows how far that is, and takes it away again. */
export class KeepControl {
  readonly box = element("div", { className: "keep" });
  readonly #keeps: Keeps;
  readonly #notice: Notice;
  readonly #cap: string;
  readonly #name: string;
  readonly #progress: HTMLProgressElement;
  readonly #status = element("span", { className: "quiet" });
  #state: Keep["state"] | "none" | undefined;

  /** @param signal ends it: another file is shown */
  constructor(cap: string, name: string, keeps: Keeps, notice: Notice, signal: AbortSignal) {
    this.#keeps = keeps;
    this.#notice = notice;
    this.#cap = cap;
    this.#name = name;
    this.#progress = element("progress", { ariaLabel: `Keeping ${name} offline` });
    keeps.onChange(() => this.#show(), signal);
    this.#show();
    void keeps.look([cap]);
  }

  #show(): void {
    const keep = this.#keeps.of(this.#cap);
    const state = keep?.state ?? "none";
    if (keep !== undefined) {
      this.#progress.max = Math.max(1, keep.size);
      this.#progress.value = keep.keptBytes;
    }
    say(this.#status, state === "kept" ? "Offline" : keepStatus(keep));
    // Rebuilding the buttons at every step of progress would take the focus from them.
    if (state === this.#state) return;
    const hadFocus = this.box.contains(document.activeElement);
    this.#state = state;
    this.box.dataset.state = state;
    this.box.replaceChildren(...this.#parts(keep));
    if (hadFocus) this.box.querySelector("button")?.focus();
  }

  #parts(keep: Keep | undefined): HTMLElement[] {
    const keeps = this.#keeps;
    const start = () => this.#try(() => keeps.keep(this.#cap));
    if (keep === undefined) return [actionButton("offline", "Keep offline", start)];
    const remove = iconButton("close", "Remove download", () => this.#try(() => this.#remove()));
    if (keep.state === "kept") return [this.#status, remove];
    const pause = iconButton("pause", "Pause", () => this.#try(() => keeps.pause(keep)));
    return [
      this.#progress,
      this.#status,
      keep.state === "keeping" ? pause : iconButton("resume", "Resume", start),
      remove,
    ];
  }

  async #remove(): Promise<void> {
    const keep = this.#keeps.of(this.#cap);
    if (keep === undefined) return;
    const meaning = `${formatSize(keep.keptBytes)} on this device become free. The file can still be read from the grid.`;
    if (await confirmAction(`Keep ${this.#name} offline no longer?`, meaning, "Remove")) await this.#keeps.remove(keep);
  }

  #try(work: () => Promise<unknown>): void {
    this.#notice.clear();
    work().catch((error: Error) => this.#notice.show(`${this.#name} cannot be kept offline.`, error.message));
  }
}
