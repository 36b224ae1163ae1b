import type { Grid } from "../client/Grid.ts";
import type { Arrival } from "./arrivals.ts";
import type { NewEntry } from "./Library.ts";
import type { Notice } from "./Notice.ts";
import { openCap } from "./openCap.ts";

export interface OpenFormOptions {
  readonly grid: Grid;
  readonly notice: Notice;
  /** Gets what was typed. */
  readonly take: (typed: Arrival) => void;
}

/** The field for a cap of one's own, and where caps that came in other ways are opened. */
export class OpenForm {
  readonly #form: HTMLFormElement;
  readonly #options: OpenFormOptions;
  /** How often something was opened: a slow cap must not take the stage from one that was opened after it. */
  #openings = 0;

  constructor(form: HTMLFormElement, options: OpenFormOptions) {
    this.#form = form;
    this.#options = options;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const isAdded = (event.submitter as HTMLButtonElement | null)?.value === "add";
      const fields = new FormData(form);
      options.take({ text: String(fields.get("cap")), name: String(fields.get("name")), isAdded });
    });
  }

  /**
   * Opens the cap in a text. Failures appear in the page's notice, and give false.
   * @param keep what to do with it, whatever is opened meanwhile
   * @param show not called where something else was opened meanwhile
   */
  async open(
    text: string,
    name: string,
    keep: (opened: NewEntry) => Promise<void>,
    show: (opened: NewEntry) => void,
  ): Promise<boolean> {
    const { grid, notice } = this.#options;
    const opening = ++this.#openings;
    notice.clear();
    try {
      const opened = await openCap(grid, text, name);
      await keep(opened);
      if (opening === this.#openings) show(opened);
      return true;
    } catch (error) {
      notice.show("This cap cannot be opened.", error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** Something is shown that needed no opening. */
  overtake(): void {
    this.#openings++;
  }

  clear(): void {
    this.#form.reset();
  }
}
