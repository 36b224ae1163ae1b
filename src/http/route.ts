import { GridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import type { GridPaths } from "./GridPaths.ts";
import { type ObjectUrl, parseGridUrl, type RedirectUrl } from "./parseGridUrl.ts";

/** What a request is for. */
export type Target = ObjectUrl | HandleTarget | RedirectUrl;

/** What a page made an opaque URL for. */
export interface HandleTarget {
  readonly kind: "handle";
  readonly record: HandleRecord;
  /** What follows the handle: the way into a folder. */
  readonly path: readonly string[];
  /** The URL that is asked for, as a folder's: without a query, and with a slash at the end. */
  readonly address: string;
}

/** What routing takes from its surroundings. */
export interface RouteContext {
  readonly paths: GridPaths;
  /**
   * What the handle of an opaque URL stands for; undefined if nobody knows. May take a while where pages are asked.
   * @throws the signal's reason
   */
  findHandle(handle: string, signal: AbortSignal): Promise<HandleRecord | undefined>;
}

/**
 * Finds what a request is for.
 * @throws GridError BAD_URL, UNKNOWN_HANDLE; the signal's reason
 */
export async function route({ url }: Request, signal: AbortSignal, context: RouteContext): Promise<Target> {
  const wanted = parseGridUrl(new URL(url), context.paths);
  if (wanted.kind !== "handle") return wanted;
  const record = await context.findHandle(wanted.handle, signal);
  if (record === undefined) throw unknownHandle();
  const { origin, pathname } = new URL(url);
  return { kind: "handle", record, path: wanted.path, address: origin + pathname.replace(/\/?$/, "/") };
}

function unknownHandle(): GridError<"UNKNOWN_HANDLE"> {
  const message =
    "This address stands for nothing in this browser: it was made in another one, was revoked, or was not used for " +
    "very long. Open the file again where you found it.";
  return new GridError("UNKNOWN_HANDLE", {}, message);
}
