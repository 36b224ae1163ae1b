import type { Grid } from "../client/Grid.ts";
import { type Arrival, Arrivals, takeFromAddress } from "./arrivals.ts";
import { checkConfig, connectPatiently } from "./connectApp.ts";
import type { Step } from "./DirectoryView.ts";
import { byId, say } from "./element.ts";
import { emptyView } from "./emptyView.ts";
import { offerInstalling, offerUpdate } from "./installing.ts";
import { Keeps } from "./Keeps.ts";
import { Library, type NewEntry } from "./Library.ts";
import { LibraryList } from "./LibraryList.ts";
import { LibraryStore } from "./LibraryStore.ts";
import { Notice } from "./Notice.ts";
import { OpenForm } from "./OpenForm.ts";
import { offerLocalNetwork } from "./offerLocalNetwork.ts";
import { SampleRows } from "./SampleRows.ts";
import { SelfTestCard } from "./SelfTestCard.ts";
import { ServerChecks } from "./ServerChecks.ts";
import { Stage } from "./Stage.ts";
import { StorageCard } from "./StorageCard.ts";
import { fetchSamples, fetchServerNames, type Sample } from "./samples.ts";
import { addressOfEntry, addressOfVisit, Views } from "./Views.ts";
import { type Visit, Visits, visitOf } from "./Visits.ts";

/** Of the package; the build puts it in. */
declare const APP_VERSION: string;

const store = new LibraryStore();
const visits = new Visits(store);
// Before anything else: a cap in the address must not stay there, and nothing that comes while the app starts may be lost.
takeFromAddress(visits);
// A link of this app in a page of this app changes nothing but the fragment.
addEventListener("hashchange", () => takeFromAddress(visits));
const arrivals = new Arrivals();
const notice = new Notice(byId("notice"));
offerInstalling(byId("install"));
byId("version").textContent = APP_VERSION;

// No grid URL is used before the worker controls this page: it would go to the web server, and take its cap there.
await connectPatiently(notice).then(start);

async function start(grid: Grid): Promise<void> {
  offerUpdate(byId("update"));
  const library = await Library.open(store, ({ message }) =>
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
  const form = new OpenForm(byId("open"), { grid, notice, take });
  const checks = new ServerChecks(byId("checks"), grid);
  const storage = new StorageCard(byId("storage"), grid);
  const samples = await Promise.all([fetchSamples(), checkConfig().then(listServers)]).then(
    ([found]) => {
      void offerLocalNetwork(byId("local-network"), grid);
      return found;
    },
    (error: unknown) => {
      failed("This page is not complete.", error);
      return [];
    },
  );
  new SelfTestCard(byId("self-test"), grid, () => [...samples, ...library.entries].find(isPlayable));
  /** What is there where the address names nothing. */
  let home: NewEntry | undefined = firstOf(samples);
  const rows = new SampleRows(byId("files"), samples, {
    grid,
    notice,
    library,
    open(sample) {
      home = { kind: "file", ...sample };
      shown = undefined;
      views.goHome();
    },
    goTo: (id) => views.goTo(addressOfEntry(id)),
    failed,
  });
  /** What is on the stage, so that what comes back from the settings finds it as it was. */
  let shown: { readonly cap: string; readonly id?: string } | undefined;
  /** What was typed there must not go. */
  let isEmpty = false;
  let isStarted = false;
  library.onChange(mark);

  const views = new Views({
    home() {
      if (shown !== undefined && shown.id === undefined) return;
      if (home === undefined) showNothing();
      else show(home);
    },
    file(id) {
      const entry = library.find(id);
      if (entry === undefined) views.replace("");
      else if (shown?.id !== id) show(entry);
    },
    visit: (id) => void showVisit(id),
    settings() {
      void storage.show();
      void checks.run();
    },
  });
  views.show();
  isStarted = true;
  arrivals.takenBy(take);
  if (library.hadWriteCaps) tellOfWriteCaps("Your library held write caps.");

  /** What a link brings is shown and not added: it may be anybody's. */
  function take({ text, name, isAdded }: Arrival): void {
    const visit = visitOf(text, name);
    if (isAdded) void open(visit, add, showUnlisted).then((isOpen) => isOpen && form.clear());
    else views.goTo(addressOfVisit(visits.add(visit)));
  }

  async function open(
    visit: Visit,
    keep: (opened: NewEntry) => Promise<void>,
    show: (opened: NewEntry) => void,
  ): Promise<boolean> {
    const isOpen = await form.open(visit.cap, visit.name, keep, show);
    if (!isOpen && shown === undefined) showNothing();
    if (isOpen && visit.wasWriteCap) tellOfWriteCaps("This was a write cap.");
    return isOpen;
  }

  async function showVisit(id: string): Promise<void> {
    if (shown?.id === id) return;
    const visit = await visits.find(id);
    if (location.hash !== addressOfVisit(id)) return;
    const entry = visit && isOfItself(visit) ? library.findCap(visit.cap) : undefined;
    if (visit === undefined) views.replace("");
    else if (entry !== undefined) {
      views.replace(addressOfEntry(entry.id));
      if (visit.wasWriteCap) tellOfWriteCaps("This was a write cap.");
    } else if (visit.shown !== undefined) show({ ...visit.shown, id }, visit.way);
    else {
      const { cap, name } = visit;
      const keep = async (opened: NewEntry) => visits.change(id, { cap, name, shown: opened });
      await open(visit, keep, (opened) => show({ ...opened, id }));
    }
  }

  function showUnlisted(opened: NewEntry, way: readonly Step[] = []): void {
    const visit: Visit = { cap: opened.cap, name: opened.name, shown: opened, way };
    const entry = isOfItself(visit) ? library.findCap(opened.cap) : undefined;
    views.goTo(entry === undefined ? addressOfVisit(visits.add(visit)) : addressOfEntry(entry.id));
  }

  function show(chosen: NewEntry & { readonly id?: string }, way?: readonly Step[]): void {
    form.overtake();
    shown = chosen;
    isEmpty = false;
    stage.show(chosen, way);
    if (isStarted) stage.reveal();
    mark();
  }

  function showNothing(): void {
    shown = undefined;
    if (isEmpty) return;
    isEmpty = true;
    stage.showInstead(emptyView((text) => take({ text, name: "", isAdded: false })));
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
}

/** Was it not reached through a directory? */
function isOfItself({ way = [] }: Visit): boolean {
  return way.length === 0;
}

function tellOfWriteCaps(title: string): void {
  const detail =
    "Whoever has a write cap can change what it names. This app only reads, so it keeps, shows and shares the read cap that is made from it. Keep the write cap somewhere else: it cannot be had back from here.";
  notice.tell(title, detail);
}

function failed(title: string, error: unknown): void {
  notice.show(title, error instanceof Error ? error.message : String(error));
}

async function listServers(): Promise<void> {
  const names = await fetchServerNames();
  say(byId("servers"), names.length === 0 ? "They are not known while the web server is away." : names.join(", "));
}

function firstOf(samples: readonly Sample[]): NewEntry | undefined {
  const first = samples.find(isPlayable) ?? samples[0];
  return first && { kind: "file", ...first };
}

function isPlayable({ type }: { readonly type: string }): boolean {
  return type.startsWith("video/") && document.createElement("video").canPlayType(type) !== "";
}
