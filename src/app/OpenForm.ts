import type { Grid } from "../client/Grid.ts";
import type { Notice } from "./Notice.ts";
import { guessName, probe } from "./probe.ts";
import type { Shown } from "./Stage.ts";

/** The field for a cap of one's own. */
export class OpenForm {
  readonly #form: HTMLFormElement;
  readonly #grid: Grid;
  readonly #notice: Notice;
  readonly #show: (file: Shown, type: string) => void;
  /** How often Open was pressed: a slow cap must not take the stage from one that was opened after it. */
  #openings = 0;

  constructor(form: HTMLFormElement, grid: Grid, notice: Notice, show: (file: Shown, type: string) => void) {
    this.#form = form;
    this.#grid = grid;
    this.#notice = notice;
    this.#show = show;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const save = (event.submitter as HTMLButtonElement | null)?.value === "save";
      void this.#open(save).catch((error: Error) => notice.show("This cap cannot be opened.", error.message));
    });
  }

  async #open(save: boolean): Promise<void> {
    const opening = save ? undefined : ++this.#openings;
    const fields = new FormData(this.#form);
    const cap = capIn(String(fields.get("cap")));
    const given = String(fields.get("name")).trim();
    this.#notice.clear();
    const { size, head } = await probe(this.#grid.url(cap));
    const file = { cap, size, name: given || guessName(head) };
    if (save) {
      const url = this.#grid.url(cap, { filename: file.name, download: true });
      this.#grid.download(url, (reason) => this.#notice.show(`${file.name} could not be downloaded.`, reason));
    } else {
      const type = await typeOf(this.#grid.url(cap, { filename: file.name }));
      if (opening === this.#openings) this.#show(file, type);
    }
  }
}

/** A cap as it is, or the one in a grid URL, a gateway's say. */
function capIn(text: string): string {
  const found = /(?:(?:ro|imm)\.)?URI(?::|%3A)[^\s/?#&]+/i.exec(text)?.[0] ?? text.trim();
  return found.includes("%") ? decodeURIComponent(found) : found;
}

/** The worker knows types by name; HEAD costs no network. */
async function typeOf(url: string): Promise<string> {
  const response = await fetch(url, { method: "HEAD" });
  return response.headers.get("Content-Type") ?? "";
}
