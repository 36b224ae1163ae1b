import { GridError } from "../base/GridError.ts";

/** A server's answer to a small file on the app's own origin. */
const FETCH_LIMIT_MS = 10_000;

/** A document as it is served, parsed and not otherwise looked at; or why there is none while the web server is away. */
export type FetchedConfig = { readonly document: unknown } | { readonly away: GridError<"BAD_CONFIG"> };

/** @throws GridError BAD_CONFIG that says what is the matter with what the web server answers */
export async function fetchConfig(url: URL): Promise<FetchedConfig> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(FETCH_LIMIT_MS) });
    text = await response.text();
  } catch (cause) {
    return { away: badConfig(`${url.pathname} could not be fetched: is the web server there?`, cause) };
  }
  const { ok, status } = response;
  if (ok) return { document: parseJson(text, url) };
  const hint = status === 404 ? "; the list of the grid's servers belongs there" : "";
  const error = badConfig(`${url.pathname} was answered with HTTP ${status}${hint}`);
  if (status >= 500) return { away: error };
  throw error;
}

function parseJson(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and that may hold swissnums.
    throw badConfig(`${url.pathname} is not JSON`);
  }
}

function badConfig(reason: string, cause?: unknown): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid's configuration cannot be used: ${reason}.`, { cause });
}
