import type { AddressCheck, GridCheck, ServerCheck } from "../base/GridCheck.ts";
import type { Grid } from "../client/Grid.ts";
import { element, say } from "./element.ts";

/** Asks the grids' servers when the person wants it, and shows which of them work, why others do not, and what to do. */
export class ServerChecks {
  readonly #grid: Grid;
  readonly #button: HTMLButtonElement;
  readonly #summary: HTMLElement;
  readonly #results: HTMLElement;

  /** @param box is filled */
  constructor(box: HTMLElement, grid: Grid) {
    this.#grid = grid;
    this.#button = element("button", { type: "button", className: "plain" }, "Check the servers");
    this.#summary = element("p", { className: "quiet", role: "status" });
    this.#results = element("div");
    this.#button.addEventListener("click", () => void this.run());
    box.replaceChildren(element("div", { className: "checkbar" }, this.#button, this.#summary), this.#results);
  }

  /** Checks once; does nothing while a check is under way. Failures are shown. */
  async run(): Promise<void> {
    if (this.#button.disabled) return;
    this.#button.disabled = true;
    this.#summary.textContent = "Asking every server…";
    try {
      const checks = await this.#grid.checkGrid();
      say(this.#summary, summaryOf(checks));
      this.#results.replaceChildren(...checks.flatMap((check) => gridParts(check, checks.length > 1)));
    } catch (error) {
      say(this.#summary, error instanceof Error ? error.message : String(error));
      this.#results.replaceChildren();
    } finally {
      this.#button.disabled = false;
    }
  }
}

function summaryOf(checks: readonly GridCheck[]): string {
  const servers = checks.flatMap((check) => check.servers);
  const working = servers.filter(({ works }) => works).length;
  return working === servers.length ? "All servers work." : `${working} of ${servers.length} servers work.`;
}

function gridParts({ name, servers }: GridCheck, isOneOfSeveral: boolean): HTMLElement[] {
  const list = element("ul", { className: "servers" }, ...servers.map(serverRow));
  return isOneOfSeveral && name !== undefined ? [element("h3", {}, name), list] : [list];
}

function serverRow({ name, works, addresses }: ServerCheck): HTMLElement {
  const mark = element("span", { className: works ? "mark" : "mark failing" }, works ? "works" : "fails");
  return element(
    "li",
    { className: "checked" },
    element("div", { className: "server" }, element("strong", {}, name), mark),
    ...addresses.map(addressPart),
  );
}

function addressPart({ address, works, latency, version, finding }: AddressCheck): HTMLElement {
  const facts = [address, works && `${Math.round(latency ?? 0)} ms`, version].filter(Boolean).join(" · ");
  const part = element("div", { className: "address" }, element("p", { className: "quiet" }, facts));
  if (finding !== undefined) {
    part.dataset.problem = finding.problem;
    part.append(element("p", {}, finding.what), element("p", { className: "quiet" }, finding.advice));
  }
  return part;
}
