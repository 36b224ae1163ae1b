import { isGridError } from "../base/GridError.ts";
import type { Grid } from "../client/Grid.ts";
import { element } from "./element.ts";
import { icon } from "./icon.ts";
import type { NewEntry } from "./Library.ts";
import type { Notice } from "./Notice.ts";

type NamedCap = Pick<NewEntry, "name" | "cap">;

/** A link that saves a file. It works as any link does when it is opened in a tab of its own. */
export function downloadLink({ name, cap }: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement {
  const link = linkTo(grid.url(cap, { filename: name, download: true }), name, grid, notice);
  link.append("Download");
  return link;
}

/** The same where there is room for the picture alone. */
export function smallDownloadLink({ name, cap }: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement {
  const link = linkTo(grid.url(cap, { filename: name, download: true }), name, grid, notice);
  link.classList.add("square");
  link.ariaLabel = link.title;
  return link;
}

/** A link that saves a directory as one archive. Undefined for one that lies within its cap and is too long for an address. */
export function archiveLink({ name, cap }: NamedCap, grid: Grid, notice: Notice): HTMLAnchorElement | undefined {
  try {
    const link = linkTo(grid.url(cap, { filename: name, zip: true }), name, grid, notice);
    link.append("Download as ZIP");
    return link;
  } catch (error) {
    if (isGridError(error, "BAD_URL")) return undefined;
    throw error;
  }
}

function linkTo(href: string, name: string, grid: Grid, notice: Notice): HTMLAnchorElement {
  const link = element("a", { href, className: "button plain action", title: `Download ${name}` }, icon("download"));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    notice.clear();
    grid.download(href, (reason) => notice.show(`${name} could not be downloaded.`, reason));
  });
  return link;
}
