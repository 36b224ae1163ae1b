import type { GridConfigDocument } from "../base/gridConfig.ts";
import { visibleText } from "../base/visibleText.ts";
import { readOnlyCap } from "./readOnlyCap.ts";

/** A file to offer. */
export interface Sample {
  readonly name: string;
  /** Secret in general; these are on a demonstration grid. */
  readonly cap: string;
  /** In bytes. */
  readonly size: number;
  /** Its media type. */
  readonly type: string;
}

/**
 * The files that are listed next to the page, in `samples.json`. An app without such a list has none, and one
 * that has never had it while there is no network.
 * @throws Error in words for the reader
 */
export async function fetchSamples(): Promise<Sample[]> {
  const response = await fetch("samples.json", { cache: "no-cache" }).catch(() => undefined);
  if (response === undefined || response.status === 404) return [];
  if (!response.ok) throw new Error(`The list of files could not be fetched: HTTP ${response.status}.`);
  const samples: Sample[] = await response.json();
  return samples.map((sample) => ({ ...sample, cap: readOnlyCap(sample.cap) }));
}

/** The names of the servers of all grids, as the served configuration has them; none where that cannot be had. */
export async function fetchServerNames(): Promise<string[]> {
  const response = await fetch("grid.json", { cache: "no-cache" }).catch(() => undefined);
  const document: GridConfigDocument | undefined = await response?.json().catch(() => undefined);
  if (!response?.ok || document === undefined) return [];
  const grids = "grids" in document ? document.grids : [document];
  return grids.flatMap(({ servers }) => servers.map(({ id, nickname }) => visibleText(nickname ?? id)));
}
