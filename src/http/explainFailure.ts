import { GridError, isGridError, isTooLittle } from "../base/GridError.ts";

/** What a worker knows of its own way to the network. */
export interface Surroundings {
  /** Does the browser say that it has no network? */
  isOffline(): boolean;
  /** Origins that the worker's own Content-Security-Policy has kept it from. Never rejects, and takes a moment at most. */
  forbidden(): Promise<readonly string[]>;
  /** Does the browser keep the page from servers, until the person at it lets it into that network? Never rejects. */
  isKeptFromLocalNetwork(): Promise<boolean>;
}

/**
 * An error in the words that help, where it is not a server's doing that the grid cannot be reached: one line for a browser
 * that is offline, the policy's name where a policy forbids servers, and what to allow where the browser keeps pages from the local network. All
 * other errors as they are.
 */
export async function explainFailure(error: unknown, surroundings: Surroundings): Promise<unknown> {
  if (!isOfNetwork(error)) return error;
  if (surroundings.isOffline()) {
    return new GridError(
      "OFFLINE",
      {},
      "You are offline, and the grid cannot be reached. What is kept offline can be read.",
    );
  }
  const why = (await forbiddance(surroundings)) ?? (await keptBack(surroundings));
  return why === undefined ? error : new GridError(error.code, error.details, `${why} ${error.message}`);
}

async function forbiddance({ forbidden }: Surroundings): Promise<string | undefined> {
  const origins = await forbidden();
  if (origins.length === 0) return undefined;
  return (
    `The Content-Security-Policy that the worker's script was served with forbids requests to ${origins.join(", ")}: ` +
    "its connect-src must name them."
  );
}

async function keptBack({ isKeptFromLocalNetwork }: Surroundings): Promise<string | undefined> {
  if (!(await isKeptFromLocalNetwork())) return undefined;
  return "The browser keeps this page from servers on this device or in the local network until you allow it: the app can ask you (grid.allowLocalNetwork), or see the browser's settings for this site.";
}

/** Might another network change it? Where all servers have answered it would not. */
function isOfNetwork(error: unknown): error is GridError {
  if (isTooLittle(error)) return error.details.servers.some(({ outcome }) => outcome !== NO_SHARE);
  return ["SERVER_UNREACHABLE", "TIMED_OUT", "BAD_CONFIG"].some((code) => isGridError(error) && error.code === code);
}

/** An outcome of a server that has answered. */
const NO_SHARE = "no share";
