import { capOf } from "../base/findCap.ts";
import { GridError } from "../base/GridError.ts";

/** What is wanted of a cap, in Tahoe-LAFS's own URLs. */
export interface TahoeUrlOptions {
  /** What they are under, with a slash at its end: `grid.scope`, or a gateway. `/` unless given. */
  readonly base?: string | URL;
  /** From a directory's cap to what is in it: the names, each as the directory has it. */
  readonly path?: readonly string[];
  /** The file's name: it decides the Content-Type and is what the file is saved as. */
  readonly filename?: string;
  /** For saving, not for showing. */
  readonly download?: boolean;
  /** A view in place of the content: `json` is what a directory lists. */
  readonly t?: "json" | "info" | "uri" | "readonly-uri";
  /** The grid's name in the configuration, where that has several. */
  readonly grid?: string;
}

/**
 * The URL of a cap as Tahoe-LAFS has it, `/uri/URI%3ACHK%3A…`: for a gateway, or for a worker that was set to answer such URLs.
 * It holds the cap, so whoever sees it has the file; `grid.url` makes one that tells nothing. Every colon is written `%3A`: some
 * players take `/URI:` for a scheme, rewrite the URL, and ask the web server with the cap in it.
 *
 * @param cap as `grid.url` takes it: blanks, quotes or a gateway's URL around it are passed over
 * @throws GridError BAD_CAP for what is no text; BAD_ARGUMENT for the names `.` and `..`, which no URL can have in its path
 */
export function tahoeUrl(
  cap: string,
  { base = "/", path = [], filename, download, t, grid }: TahoeUrlOptions = {},
): string {
  if (path.some((name) => name === "." || name === "..")) throw dotName();
  const query = Object.entries({ t, filename, save: download ? "true" : undefined, grid })
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encodeURIComponent(value)}`))
    .join("&");
  const way = [capOf(cap), ...path].map(encodeURIComponent).join("/");
  return `${base}uri/${way}${query === "" ? "" : `?${query}`}`;
}

function dotName(): GridError<"BAD_ARGUMENT"> {
  const reason = "a URL's path cannot hold the names . and ..: list the directory and take the child's own cap";
  return new GridError("BAD_ARGUMENT", { argument: "path", reason }, `The argument "path" cannot be used: ${reason}.`);
}
