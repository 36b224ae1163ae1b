import { visibleText } from "../base/visibleText.ts";
import type { Grid } from "../client/Grid.ts";
import { iconButton } from "./actionButton.ts";
import { smallDownloadLink } from "./downloadLink.ts";
import { element } from "./element.ts";
import { fileRow } from "./fileRow.ts";
import { formatSize } from "./formatSize.ts";
import { icon } from "./icon.ts";
import type { Library } from "./Library.ts";
import type { Notice } from "./Notice.ts";
import type { Sample } from "./samples.ts";

export interface SampleActions {
  readonly grid: Grid;
  readonly notice: Notice;
  readonly library: Library;
  open(sample: Sample): void;
  /** Shows an entry of the library. */
  goTo(id: string): void;
  /** @param title what could not be done */
  failed(title: string, error: unknown): void;
}

/** The files that the app's operator suggests. */
export class SampleRows {
  readonly #rows: readonly (readonly [sample: Sample, row: HTMLElement])[];
  readonly #actions: SampleActions;

  /** @param list is filled */
  constructor(list: HTMLElement, samples: readonly Sample[], actions: SampleActions) {
    this.#actions = actions;
    this.#rows = samples.map((sample) => [sample, this.#row(sample)]);
    const none = element("li", { className: "quiet" }, "No files are listed here. Open a cap of your own.");
    list.replaceChildren(...(samples.length === 0 ? [none] : this.#rows.map(([, row]) => row)));
  }

  /** Marks the file that is shown. */
  markCurrent(cap: string | undefined): void {
    for (const [sample, row] of this.#rows) row.ariaCurrent = sample.cap === cap ? "true" : null;
  }

  #row(sample: Sample): HTMLElement {
    const { grid, notice, open } = this.#actions;
    const { name, cap, size } = sample;
    const href = grid.url(cap, { filename: name });
    return fileRow(
      { name, kind: "file", about: formatSize(size), href, open: () => open(sample) },
      smallDownloadLink(sample, grid, notice),
      this.#adder(sample),
    );
  }

  /** Adds the file to the library, or shows it there. */
  #adder(sample: Sample): HTMLElement {
    const { library, goTo, failed } = this.#actions;
    const { name, cap } = sample;
    const button = iconButton("add", "", () => {
      const entry = library.findCap(cap);
      if (entry !== undefined) goTo(entry.id);
      else library.add({ kind: "file", ...sample }).catch((error: unknown) => failed(`${name} was not added.`, error));
    });
    const show = () => {
      const isThere = library.findCap(cap) !== undefined;
      button.title = visibleText(isThere ? `${name} is in your library` : `Add ${name} to the library`);
      button.ariaLabel = button.title;
      button.replaceChildren(icon(isThere ? "check" : "add"));
    };
    show();
    library.onChange(show);
    return button;
  }
}
