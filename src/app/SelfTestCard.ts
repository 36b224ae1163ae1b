import type { Grid } from "../client/Grid.ts";
import { selfTest } from "../client/selfTest/selfTest.ts";
import { element, say } from "./element.ts";

/** Tries with a film whether this browser does all that the app needs, and shows a report to be copied. */
export class SelfTestCard {
  readonly #grid: Grid;
  readonly #chooseFilm: () => { readonly cap: string } | undefined;
  readonly #button = element("button", { type: "button", className: "plain" }, "Test this browser");
  readonly #summary = element("p", { className: "quiet", role: "status" }, EXPLANATION);
  readonly #report = element("pre", { className: "report", tabIndex: 0, hidden: true });
  readonly #copy = element("button", { type: "button", className: "plain", hidden: true }, "Copy the report");

  /** @param box is filled */
  constructor(box: HTMLElement, grid: Grid, chooseFilm: () => { readonly cap: string } | undefined) {
    this.#grid = grid;
    this.#chooseFilm = chooseFilm;
    this.#report.ariaLabel = "Report";
    this.#button.addEventListener("click", () => void this.#run());
    this.#copy.addEventListener("click", () => void this.#copyReport());
    box.replaceChildren(
      this.#summary,
      this.#report,
      element("div", { className: "actions" }, this.#button, this.#copy),
    );
  }

  async #run(): Promise<void> {
    const film = this.#chooseFilm();
    if (film === undefined) return say(this.#summary, NO_FILM);
    this.#button.disabled = true;
    say(this.#summary, "Testing: first whether the worker answers…");
    try {
      const { works, text } = await selfTest(this.#grid, film.cap, {
        onStep: ({ name, outcome }) => say(this.#summary, `Testing… ${name}: ${outcome}.`),
      });
      say(this.#summary, works ? "This browser does all that the app needs." : "Some steps failed.");
      this.#report.textContent = text;
      this.#report.hidden = this.#copy.hidden = false;
    } catch (error) {
      say(this.#summary, error instanceof Error ? error.message : String(error));
    } finally {
      this.#button.disabled = false;
    }
  }

  async #copyReport(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#report.textContent);
      say(this.#summary, "The report was copied.");
    } catch {
      getSelection()?.selectAllChildren(this.#report);
      say(this.#summary, "The report could not be copied. It is selected now.");
    }
  }
}

const EXPLANATION =
  "Plays, seeks, keeps and saves a film of this grid or of your library, and reports what worked. It takes some seconds, and a " +
  "file named gridfetch-self-test is among your downloads then. The report names this browser, and no file and no cap.";
const NO_FILM = "There is no film on this grid or in your library to test with. Add one to your library first.";
