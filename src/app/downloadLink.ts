import type { Grid } from "../client/Grid.ts";
import { element } from "./element.ts";
import { icon } from "./icon.ts";
import type { NewEntry } from "./Library.ts";
import type { Notice } from "./Notice.ts";

type NamedCap = Pick<NewEntry, "name" | "cap">;

/** A link that saves a file. It works as any link does when it is opened in a tab of its own. */
export function downloadLink(file: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement {
  const link = bareLink(file, grid, notice);
  link.append("Download");
  return link;
}

/** The same where there is room for the picture alone. */
export function smallDownloadLink(file: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement {
  const link = bareLink(file, grid, notice);
  link.classList.add("square");
  link.ariaLabel = link.title;
  return link;
}

function bareLink({ name, cap }: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement {
  const href = grid.url(cap, { filename: name, download: true });
  const link = element("a", { href, className: "button plain action", title: `Download ${name}` }, icon("download"));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    notice.clear();
    grid.download(href, (reason) => notice.show(`${name} could not be downloaded.`, reason));
  });
  return link;
}
