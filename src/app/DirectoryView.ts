import type { Entry } from "../base/Entry.ts";
import type { Grid } from "../client/Grid.ts";
import { iconButton } from "./actionButton.ts";
import { DirectoryList } from "./DirectoryList.ts";
import { element } from "./element.ts";
import { fileRow } from "./fileRow.ts";
import { formatSize } from "./formatSize.ts";
import type { NewEntry } from "./Library.ts";
import { listDirectory } from "./listDirectory.ts";
import { describeFile } from "./openCap.ts";
import { probe } from "./probe.ts";

/** A directory on the way to the one that is shown. */
export interface Step {
  readonly name: string;
  readonly cap: string;
}

export interface DirectoryActions {
  /** Shows what was chosen. */
  open(chosen: NewEntry, way: readonly Step[]): void;
  add(chosen: NewEntry): void;
  /** @param title what could not be done */
  failed(title: string, error: unknown): void;
}

/** What is in a directory, to be opened or added to the library. */
export function directoryView(
  way: readonly Step[],
  grid: Grid,
  actions: DirectoryActions,
  signal: AbortSignal,
): HTMLElement {
  const here = way.at(-1)!;
  const list = element("div", {}, element("p", { className: "quiet", role: "status" }, "Reading the directory…"));
  const view = element("div", { className: "directory" }, crumbs(way, actions), list);
  listDirectory(grid, here.cap, signal).then(
    (children) => list.replaceChildren(new DirectoryList(children, rowOf, signal).box),
    (error: unknown) => {
      if (signal.aborted) return;
      list.replaceChildren(element("p", { className: "quiet" }, "Its content cannot be shown."));
      actions.failed(`${here.name} cannot be listed.`, error);
    },
  );
  return view;

  function rowOf({ name, kind, size, cap, modified }: Entry): HTMLElement {
    if (cap === undefined) return fileRow({ name, kind, about: "of a kind that is not known here" });
    const what = kind === "directory" ? "Directory" : size === undefined ? "can change" : formatSize(size);
    const about = modified === undefined ? what : `${what} · ${days.format(modified)}`;
    const act = (what: (chosen: NewEntry) => void) => () =>
      void describe({ name, kind, size, cap }, grid).then(what, (error: unknown) =>
        actions.failed(`${name} cannot be opened.`, error),
      );
    return fileRow(
      { name, kind, about, open: act((chosen) => actions.open(chosen, way)) },
      iconButton("add", `Add ${name} to the library`, act(actions.add)),
    );
  }
}

const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

async function describe(
  { kind, cap, name, size }: Pick<Entry, "kind" | "name" | "size"> & { readonly cap: string },
  grid: Grid,
): Promise<NewEntry> {
  if (kind === "directory") return { kind, cap, name, type: "", size: 0 };
  return describeFile(grid, cap, name, size ?? (await probe(grid.url(cap))).size);
}

function crumbs(way: readonly Step[], { open }: DirectoryActions): HTMLElement {
  const steps = way.map(({ name, cap }, at) => {
    if (at === way.length - 1) return element("li", { ariaCurrent: "page" }, name);
    const back = element("button", { type: "button", className: "link" }, name);
    back.addEventListener("click", () => open({ kind: "directory", cap, name, type: "", size: 0 }, way.slice(0, at)));
    return element("li", {}, back);
  });
  return element("nav", { ariaLabel: "Way to this directory" }, element("ol", { className: "crumbs" }, ...steps));
}
