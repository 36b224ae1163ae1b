import type { Grid } from "../client/Grid.ts";
import { connectApp } from "./connectApp.ts";
import { byId, element } from "./element.ts";
import { formatSize } from "./formatSize.ts";
import { Notice } from "./Notice.ts";
import { OpenForm } from "./OpenForm.ts";
import { ServerChecks } from "./ServerChecks.ts";
import { downloadLink, Stage } from "./Stage.ts";
import { fetchSamples, fetchServerNames, type Sample } from "./samples.ts";

const notice = new Notice(byId("notice"));

// No grid URL is used before the worker controls this page: it would go to the web server, and take its cap there.
await connectApp().then(start, (error: Error) => notice.show("This page cannot read the grid.", error.message));

async function start(grid: Grid): Promise<void> {
  const stage = new Stage(byId("stage"), grid, notice);
  new OpenForm(byId("open"), grid, notice, (file, type) => {
    markCurrent(undefined);
    stage.show(file, type);
  });
  new ServerChecks(byId("checks"), grid);
  try {
    await Promise.all([listServers(), listFiles(grid, stage)]);
  } catch (error) {
    notice.show("This page is not complete.", error instanceof Error ? error.message : String(error));
  }
}

async function listServers(): Promise<void> {
  const names = await fetchServerNames();
  byId("servers").textContent = names.join(", ");
}

async function listFiles(grid: Grid, stage: Stage): Promise<void> {
  const samples = await fetchSamples();
  const none = element("li", { className: "quiet" }, "No files are listed here. Open a cap of your own.");
  const rows = samples.map((sample) => makeRow(sample, grid, show));
  byId("files").replaceChildren(...(rows.length === 0 ? [none] : rows));

  function show(sample: Sample): void {
    markCurrent(rows[samples.indexOf(sample)]);
    stage.show(sample, sample.type);
  }
  const first = samples.find(isPlayable) ?? samples[0];
  if (first !== undefined) show(first);
}

function markCurrent(row: HTMLElement | undefined): void {
  for (const each of byId("files").children) each.ariaCurrent = each === row ? "true" : null;
}

function isPlayable({ type }: Sample): boolean {
  return type.startsWith("video/") && document.createElement("video").canPlayType(type) !== "";
}

function makeRow(sample: Sample, grid: Grid, show: (sample: Sample) => void): HTMLElement {
  const { name, cap, size } = sample;
  const link = element("a", { href: grid.url(cap, { filename: name }) }, name);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(sample);
  });
  const badge = element("span", { className: "badge", ariaHidden: "true" }, name.split(".").at(-1) ?? "");
  const about = element("div", {}, link, element("span", { className: "quiet" }, formatSize(size)));
  return element("li", {}, badge, about, downloadLink(sample, grid, notice));
}
