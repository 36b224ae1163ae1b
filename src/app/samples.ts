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
 * The files that are listed next to the page, in `samples.json`. An app without such a list has none.
 * @throws Error in words for the reader
 */
export async function fetchSamples(): Promise<Sample[]> {
  const response = await fetch("samples.json", { cache: "no-cache" });
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`The list of files could not be fetched: HTTP ${response.status}.`);
  return response.json();
}

/** The names of the grid's servers, as its configuration has them. */
export async function fetchServerNames(): Promise<string[]> {
  const response = await fetch("grid.json", { cache: "no-cache" });
  if (!response.ok) throw new Error("This grid has no configuration: grid.json is missing next to this page.");
  const { servers }: { servers: { id: string; nickname?: string }[] } = await response.json();
  return servers.map(({ id, nickname }) => nickname ?? id);
}
