import { fetchFromWorker } from "../client/fetchFromWorker.ts";
import type { Grid } from "../client/Grid.ts";
import { tahoeUrl } from "../formats/tahoeUrl.ts";

/** What is in a directory. */
export interface Child {
  readonly name: string;
  readonly kind: "file" | "directory" | "unknown";
  /** For reading alone, even where the directory gives more; empty where it is unknown. Secret. */
  readonly cap: string;
  /** In bytes; undefined for a file that can change. */
  readonly size: number | undefined;
}

/**
 * Lists a directory, by name.
 *
 * @throws Error with the worker's own words
 */
export async function listDirectory(grid: Grid, cap: string, signal: AbortSignal): Promise<Child[]> {
  // The address holds the cap, which must not go to a web server.
  if (navigator.serviceWorker.controller === null) throw new Error("The Service Worker is gone. Reload this page.");
  const url = tahoeUrl(cap, { base: grid.scope, t: "json" });
  const response = await fetchFromWorker(url, { signal });
  if (!response.ok) throw new Error(wordsOf(await response.text()));
  const [, facts] = (await response.json()) as [string, DirectoryFacts];
  const children = Object.entries(facts.children).map(([name, [kind, { ro_uri = "", size }]]) => ({
    name,
    kind: KINDS[kind] ?? "unknown",
    cap: ro_uri,
    size,
  }));
  const order = new Intl.Collator(undefined, { numeric: true });
  return children.sort((one, other) => order.compare(one.name, other.name));
}

/** Why there is no list: in JSON where the directory's content cannot be had, else as plain text. */
function wordsOf(body: string): string {
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return body.trim();
  }
}

/** As Tahoe-LAFS's web API has them. */
interface DirectoryFacts {
  readonly children: Record<string, [kind: string, { readonly ro_uri?: string; readonly size?: number }]>;
}

const KINDS: Readonly<Record<string, Child["kind"]>> = { filenode: "file", dirnode: "directory" };
