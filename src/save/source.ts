import { capOf } from "../base/findCap.ts";
import type { ZipChoice } from "../base/HandleRecord.ts";
import type { Grid } from "../client/Grid.ts";
import { isFolderCap, zipName } from "../client/handles.ts";
import type { UrlOptions } from "../client/UrlOptions.ts";

/** What is saved, as one file. */
export interface Source {
  readonly url: string;
  /** What the person is offered as its name. */
  readonly name: string;
  /** The media type, where that has to be known. */
  type(): Promise<string>;
}

/**
 * A file as it is, a folder or a choice of files as one archive.
 *
 * @param what a cap, as for `grid.url`, or a list, as for `grid.zip`
 * @throws GridError as these
 */
export function sourceOf(grid: Grid, what: string | readonly ZipChoice[], options: UrlOptions): Source {
  const { filename = "" } = options;
  const archive = { name: zipName(filename), type: async () => "application/zip" };
  if (typeof what !== "string") return { ...archive, url: grid.zip(what, options) };
  const cap = capOf(what);
  if (isFolderCap(cap)) return { ...archive, url: grid.url(cap, { ...options, zip: true }) };
  const name = filename || "file";
  const type = async () => (await grid.info(cap, { filename: name })).type ?? "application/octet-stream";
  return { url: grid.url(cap, options), name, type };
}
