import { badUrl } from "./badUrl.ts";

/** Which paths are the grid's. All else is the web server's. */
export interface GridPaths {
  /** What they are under: the worker's scope. Its path ends in a slash. */
  readonly scope: URL;
  /** The folder of opaque URLs, `grid` in `grid/HANDLE`; without slashes at its ends. */
  readonly prefix: string;
  /** Are Tahoe-LAFS's own forms answered as well: `uri`, `uri/…`, `cap`, `cap/…`, `file/…` and `named/…`? */
  readonly tahoeForms: boolean;
}

/** What may be chosen about them. */
export type GridPathOptions = Partial<Omit<GridPaths, "scope">>;

export const DEFAULT_PREFIX = "grid";

/**
 * The paths under a scope, as chosen.
 * @throws GridError BAD_URL where the prefix is not made of letters, digits, `-`, `_` and single slashes, or is also a Tahoe-LAFS form
 */
export function gridPaths(
  scope: URL,
  { prefix = DEFAULT_PREFIX, tahoeForms = false }: GridPathOptions = {},
): GridPaths {
  if (!/^[\w-]+(?:\/[\w-]+)*$/.test(prefix) || (tahoeForms && TAHOE_FORM.test(`${prefix}/`))) {
    throw badUrl(
      "The prefix of grid URLs takes letters, digits, - and _, with / in between, and is none of Tahoe-LAFS's forms",
    );
  }
  return { scope, prefix, tahoeForms };
}

/**
 * Is this request the grid's? Others are the web server's: also a POST to a grid URL, since a grid is only read.
 */
export function isGridRequest({ method, url }: Pick<Request, "method" | "url">, paths: GridPaths): boolean {
  return (method === "GET" || method === "HEAD") && isGridUrl(new URL(url), paths);
}

/** Is this where the grid has its URLs? */
export function isGridUrl(url: URL, { scope, prefix, tahoeForms }: GridPaths): boolean {
  if (url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return false;
  const path = url.pathname.slice(scope.pathname.length);
  return path.startsWith(`${prefix}/`) || (tahoeForms && TAHOE_FORM.test(path));
}

const TAHOE_FORM = /^(?:(?:uri|cap)(?:\/|$)|(?:file|named)\/)/;

/** The same paths as `isGridUrl` holds for, as pathnames of one `URLPattern` each. */
export function gridPathPatterns({ scope, prefix, tahoeForms }: GridPaths): string[] {
  const folder = scope.pathname.replace(/[^\w/%-]/g, "\\$&");
  const forms = tahoeForms ? ["uri{/*}?", "cap{/*}?", "file/*", "named/*"] : [];
  return [`${prefix}/*`, ...forms].map((path) => folder + path);
}
