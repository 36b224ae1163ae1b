import { GridError } from "../base/GridError.ts";
import { isMarked } from "../base/workerMark.ts";

/**
 * Fetches a grid URL from the worker, and from nobody else.
 *
 * @throws GridError NO_WORKER ("lost") if somebody else answered; what `fetch` throws
 */
export async function fetchFromWorker(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (isMarked(response)) return response;
  void response.body?.cancel().catch(() => undefined);
  throw new GridError("NO_WORKER", { reason: "lost" }, ANSWERED_BY_ANOTHER);
}

const ANSWERED_BY_ANOTHER =
  "The answer to a grid URL did not come from the Service Worker that reads the grid, but from a web server or from an " +
  "older worker, and was not used. Reload the page.";
