import type { Grid } from "../client/Grid.ts";
import { takeDrops, takeFromAddress, takeLaunchFiles, takePastes } from "./arrivals.ts";
import { connectApp } from "./connectApp.ts";
import type { Step } from "./DirectoryView.ts";
import { byId } from "./element.ts";
import { offerInstalling, offerUpdate } from "./installing.ts";
import { Keeps } from "./Keeps.ts";
import { Library, type NewEntry } from "./Library.ts";
import { LibraryList } from "./LibraryList.ts";
import { Notice } from "./Notice.ts";
import { OpenForm } from "./OpenForm.ts";
import { SampleRows } from "./SampleRows.ts";
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
  const library = await Library.open(({ message }) =>
    notice.show("This browser did not write it down.", `It is in your library until this page is closed. ${message}`),
  );
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
  const rows = new SampleRows(byId("files"), samples, {
    grid,
    notice,
    library,
    open(sample) {
      views.goHome();
      show({ kind: "file", ...sample });
    },
    goTo: (id) => views.goTo(id),
    failed,
  });
  /** What is on the stage, so that what comes back from the settings finds it as it was. */
  let shown: { readonly cap: string; readonly id?: string } | undefined;
  library.onChange(mark);

  const views = new Views({
    file(id) {
      const entry = library.find(id);
      if (entry === undefined) return views.goHome();
      if (shown?.id !== id) show(entry);
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
  else views.show();
  if (shown === undefined) showFirst();

  /** What a link brings is shown and not added: it may be anybody's. */
  async function take(text: string, name: string, isAdding: boolean): Promise<void> {
    views.goHome();
    await form.open(text, name, isAdding);
  }

  function showUnlisted(opened: NewEntry, way?: readonly Step[]): void {
    const entry = way === undefined ? library.findCap(opened.cap) : undefined;
    if (entry !== undefined) {
      views.goTo(entry.id);
      return;
    }
    views.goHome();
    show(opened, way);
  }

  function show(chosen: NewEntry & { readonly id?: string }, way?: readonly Step[]): void {
    shown = chosen;
    stage.show(chosen, way);
    mark();
  }

  function mark(): void {
    list.markCurrent(library.entries.find(({ cap }) => cap === shown?.cap)?.id);
    rows.markCurrent(shown?.cap);
  }

  async function add(added: NewEntry): Promise<void> {
    notice.clear();
    await library.add(added);
  }

  function showFirst(): void {
    const first = samples.find(isPlayable) ?? samples[0];
    if (first !== undefined) show({ kind: "file", ...first });
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
