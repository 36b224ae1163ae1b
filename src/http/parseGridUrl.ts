import { GridError } from "../base/GridError.ts";

/** What a grid URL asks for. */
export type GridUrl = FileUrl | RedirectUrl;

export interface FileUrl {
  readonly kind: "file";
  /** The cap's text, percent-decoded and not otherwise looked at. Secret. */
  readonly capText: string;
  /**
   * The file's name, for its type and for saving: `filename=`, else the last segment of a `/file/` or `/named/` URL.
   */
  readonly name: string | undefined;
  /** To be saved rather than shown. */
  readonly save: boolean;
  /** Which view: empty for the content. */
  readonly t: string;
}

export interface RedirectUrl {
  readonly kind: "redirect";
  /** Absolute, under the same base. Holds the cap. */
  readonly location: string;
}

/**
 * Is this a URL that the grid answers? Those are `uri`, `uri/…`, `cap`, `cap/…`, `file/…` and `named/…` under `base`,
 * whose path ends in a slash. Everything else is the web server's.
 */
export function isGridUrl(url: URL, base: URL): boolean {
  return url.origin === base.origin && url.pathname.startsWith(base.pathname) && GRID_PATH.test(pathUnder(base, url));
}

const GRID_PATH = /^(?:(?:uri|cap)(?:\/|$)|(?:file|named)\/)/;

/**
 * Reads a URL for which `isGridUrl` holds. The forms are those of Tahoe-LAFS's web API: `/uri/CAP`, its synonym
 * `/cap/CAP`, `/file/CAP/ANY/NAMES/NAME` and its synonym `/named/…`, and `/uri?uri=CAP`, which redirects; with the
 * arguments `filename=`, `save=` and `t=`. An argument without a value counts as absent; of a repeated one the first
 * counts.
 *
 * The path is split before it is decoded, so `%2F` stays within a name; a colon may be raw or `%3A`.
 * @throws GridError BAD_URL where it names no cap, names something inside a file, is not UTF-8, or `save=` is no
 *   boolean
 */
export function parseGridUrl(url: URL, base: URL): GridUrl {
  const [form = "", ...rest] = pathUnder(base, url).split("/");
  const segments = rest.map(decodeSegment);
  const [capText = "", ...names] = segments;
  if (form === "file" || form === "named") return fileUrl(capText, names.at(-1), url.searchParams);
  if (capText === "") return { kind: "redirect", location: redirectLocation(url, base) };
  if (names.length > 0) throw badUrl("Files have no children: the cap must be the last part of the path");
  return fileUrl(capText, undefined, url.searchParams);
}

function pathUnder(base: URL, url: URL): string {
  return url.pathname.slice(base.pathname.length);
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badUrl("a part of the path is not UTF-8 when percent-decoded");
  }
}

function fileUrl(capText: string, lastSegment: string | undefined, query: URLSearchParams): FileUrl {
  if (capText === "") throw badUrl("it must be followed by a file cap");
  return {
    kind: "file",
    capText,
    name: query.get("filename") || lastSegment || undefined,
    save: parseBoolean(query.get("save") || "false"),
    t: (query.get("t") ?? "").trim(),
  };
}

function parseBoolean(text: string): boolean {
  if (/^(?:true|t|1|on)$/i.test(text)) return true;
  if (/^(?:false|f|0|off)$/i.test(text)) return false;
  throw badUrl("invalid boolean argument: save must be true or false");
}

/** `/uri?uri=CAP&other=…` is what a form sends; the cap moves into the path and the other arguments stay. */
function redirectLocation(url: URL, base: URL): string {
  const query = new URLSearchParams(url.searchParams);
  const capText = query.get("uri");
  if (!capText) throw badUrl("GET /uri requires uri=, or a cap in the path");
  query.delete("uri");
  const location = new URL(`uri/${encodeURIComponent(capText)}`, base);
  location.search = query.toString();
  return location.href;
}

function badUrl(reason: string): GridError<"BAD_URL"> {
  return new GridError("BAD_URL", { reason }, `This grid URL cannot be answered: ${reason}.`);
}
