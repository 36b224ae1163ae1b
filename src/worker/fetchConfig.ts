import { GridError } from "../base/GridError.ts";
import type { jsonFault } from "../base/jsonFault.ts";

/** A server's answer to a small file on the app's own origin. */
const FETCH_LIMIT_MS = 10_000;

/**
 * The document as it is served, parsed and not otherwise looked at.
 *
 * @param findFault says where a text is no JSON
 * @throws GridError BAD_CONFIG that says what is the matter, `isAway` where it is only that the web server is
 */
export async function fetchConfig(url: URL, findFault: typeof jsonFault): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(FETCH_LIMIT_MS) });
    text = await response.text();
  } catch (cause) {
    throw away(`${url.pathname} could not be fetched: see whether the web server is there`, cause);
  }
  const { ok, status } = response;
  if (status >= 500) throw away(`${url.pathname} was answered with HTTP ${status}`);
  if (status === 404) throw badConfig(`${url.pathname} is not on the web server (HTTP 404). ${HOW}`);
  if (!ok) throw badConfig(`${url.pathname} was answered with HTTP ${status}`);
  if (isPage(response, text))
    throw badConfig(`${url.pathname} is an HTML page, as web servers send for what they do not have. ${HOW}`);
  return parseJson(text, url, findFault);
}

const HOW =
  "The list of the grid's servers belongs there; npx gridfetch grid-config makes it from what a Tahoe-LAFS node knows";

function isPage({ headers }: Response, text: string): boolean {
  return headers.get("Content-Type")?.startsWith("text/html") || /^\s*<(?:!doctype|html)\b/i.test(text);
}

function parseJson(text: string, url: URL, findFault: typeof jsonFault): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, isEnd } = findFault(text);
    const where = `line ${line}, column ${column}`;
    throw badConfig(`${url.pathname} is not JSON: ${isEnd ? `it ends too early, at ${where}` : `see ${where}`}`);
  }
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, sentence(reason));
}

function away(reason: string, cause?: unknown): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason, isAway: true }, sentence(reason), { cause });
}

function sentence(reason: string): string {
  return `The grid's configuration cannot be used: ${reason}.`;
}
