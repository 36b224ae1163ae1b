import type { Grid } from "../client/Grid.ts";
import type { NewEntry } from "./Library.ts";
import type { Notice } from "./Notice.ts";
import { openCap } from "./openCap.ts";

export interface OpenFormOptions {
  readonly grid: Grid;
  readonly notice: Notice;
  readonly show: (opened: NewEntry) => void;
  readonly add: (opened: NewEntry) => Promise<void>;
}

/** The field for a cap of one's own, and where caps that came in other ways go through. */
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
      const isAdding = (event.submitter as HTMLButtonElement | null)?.value === "add";
      const fields = new FormData(form);
      void this.open(String(fields.get("cap")), String(fields.get("name")), isAdding);
    });
  }

  /** Opens the cap in a text, and adds it to the library if asked to. Failures appear in the page's notice. */
  async open(text: string, name: string, isAdding: boolean): Promise<void> {
    const { grid, notice, show, add } = this.#options;
    const opening = ++this.#openings;
    notice.clear();
    try {
      const opened = await openCap(grid, text, name);
      if (isAdding) {
        await add(opened);
        this.#form.reset();
      }
      if (opening === this.#openings) show(opened);
    } catch (error) {
      notice.show("This cap cannot be opened.", error instanceof Error ? error.message : String(error));
    }
  }
}
