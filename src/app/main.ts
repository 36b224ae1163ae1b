import type { Grid } from "../client/Grid.ts";
import { iconButton } from "./actionButton.ts";
import { takeDrops, takeFromAddress, takeLaunchFiles, takePastes } from "./arrivals.ts";
import { connectApp } from "./connectApp.ts";
import { smallDownloadLink } from "./downloadLink.ts";
import { byId, element } from "./element.ts";
import { fileRow } from "./fileRow.ts";
import { formatSize } from "./formatSize.ts";
import { offerInstalling, offerUpdate } from "./installing.ts";
import { Keeps } from "./Keeps.ts";
import { Library, type NewEntry } from "./Library.ts";
import { LibraryList } from "./LibraryList.ts";
import { Notice } from "./Notice.ts";
import { OpenForm } from "./OpenForm.ts";
import { ServerChecks } from "./ServerChecks.ts";
import { Stage } from "./Stage.ts";
import { StorageCard } from "./StorageCard.ts";
import { fetchSamples, fetchServerNames, type Sample } from "./samples.ts";
import { Views } from "./Views.ts";

/** Of the package; the build puts it in. */
declare const APP_VERSION: string;

const brought = takeFromAddress();
const notice = new Notice(byId("notice"));
offerInstalling(byId("install"));
byId("version").textContent = APP_VERSION;

// No grid URL is used before the worker controls this page: it would go to the web server, and take its cap there.
await connectApp().then(start, (error: Error) => notice.show("This page cannot read the grid.", error.message));

async function start(grid: Grid): Promise<void> {
  offerUpdate(byId("update"));
  const library = await Library.open();
  const keeps = new Keeps(grid);
  const list = new LibraryList(byId("library"), library, keeps);
  const stage = new Stage(byId("stage"), {
    grid,
    library,
    keeps,
    notice,
    actions: {
      open: (chosen, way) => showUnlisted(chosen, way),
      add: (chosen) => void add(chosen).catch((error: unknown) => failed("It could not be added.", error)),
      failed,
    },
  });
  const form = new OpenForm(byId("open"), { grid, notice, show: (opened) => showUnlisted(opened), add });
  const checks = new ServerChecks(byId("checks"), grid);
  const storage = new StorageCard(byId("storage"), grid);
  const samples = await Promise.all([fetchSamples(), listServers()]).then(
    ([found]) => found,
    (error: unknown) => {
      failed("This page is not complete.", error);
      return [];
    },
  );
  const rows = listSamples(samples);
  /** The address that is shown, so that what comes back from the settings finds the stage as it was. */
  let shownId: string | undefined;

  const views = new Views({
    file(id) {
      const entry = library.find(id);
      if (entry === undefined) return views.goHome();
      if (shownId === id) return;
      shownId = id;
      stage.show(entry);
      mark(id);
    },
    settings() {
      void storage.show();
      void checks.run();
    },
  });

  takeDrops((text, name) => void take(text, name, true));
  takePastes((text) => void take(text, "", false));
  takeLaunchFiles((text, name) => void take(text, name, false));
  // A link of this app in a page of this app changes nothing but the fragment.
  addEventListener("hashchange", () => {
    const given = takeFromAddress();
    if (given !== undefined) void take(given.text, given.name, false);
  });
  if (brought !== undefined) await take(brought.text, brought.name, false);
  else if (!views.show()) showFirst();

  /** What a link brings is shown and not added: it may be anybody's. */
  async function take(text: string, name: string, isAdding: boolean): Promise<void> {
    views.goHome();
    await form.open(text, name, isAdding);
  }

  function showUnlisted(opened: NewEntry, way?: Parameters<Stage["show"]>[1]): void {
    const entry = way === undefined ? library.findCap(opened.cap) : undefined;
    if (entry !== undefined) {
      views.goTo(entry.id);
      return;
    }
    shownId = undefined;
    views.goHome();
    mark(undefined);
    stage.show(opened, way);
  }

  async function add(added: NewEntry): Promise<void> {
    const entry = await library.add(added);
    notice.clear();
    list.markCurrent(shownId ?? entry.id);
  }

  function showFirst(): void {
    const first = samples.find(isPlayable) ?? samples[0];
    if (first !== undefined) showSample(first);
  }

  function showSample(sample: Sample): void {
    shownId = undefined;
    stage.show({ kind: "file", ...sample });
    mark(sample);
  }

  /** @param shown an entry's id, or a sample */
  function mark(shown: string | Sample | undefined): void {
    list.markCurrent(typeof shown === "string" ? shown : undefined);
    for (const [at, row] of rows.entries()) row.ariaCurrent = samples[at] === shown ? "true" : null;
  }

  function listSamples(samples: readonly Sample[]): HTMLElement[] {
    const rows = samples.map((sample) => {
      const { name, cap, size } = sample;
      const row = { name, kind: "file", about: formatSize(size), href: grid.url(cap, { filename: name }) } as const;
      return fileRow(
        {
          ...row,
          open: () => {
            views.goHome();
            showSample(sample);
          },
        },
        smallDownloadLink(sample, grid, notice),
        iconButton(
          "add",
          `Add ${name} to the library`,
          () =>
            void add({ kind: "file", ...sample }).catch((error: unknown) =>
              failed(`${name} could not be added.`, error),
            ),
        ),
      );
    });
    const none = element("li", { className: "quiet" }, "No files are listed here. Open a cap of your own.");
    byId("files").replaceChildren(...(rows.length === 0 ? [none] : rows));
    return rows;
  }
}

function failed(title: string, error: unknown): void {
  notice.show(title, error instanceof Error ? error.message : String(error));
}

async function listServers(): Promise<void> {
  const names = await fetchServerNames();
  byId("servers").textContent =
    names.length === 0 ? "They are not known while the web server is away." : names.join(", ");
}

function isPlayable({ type }: Sample): boolean {
  return type.startsWith("video/") && document.createElement("video").canPlayType(type) !== "";
}
