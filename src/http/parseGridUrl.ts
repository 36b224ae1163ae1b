import { isGridError } from "../base/GridError.ts";
import { parseCap } from "../formats/parseCap.ts";
import { badUrl } from "./badUrl.ts";
import type { GridPaths } from "./GridPaths.ts";

/** What a grid URL asks for. */
export type GridUrl = ObjectUrl | HandleUrl | RedirectUrl;

/** What to answer with, however it was named. */
export interface Wanted {
  /** The cap's text, not otherwise looked at. Secret. */
  readonly capText: string;
  /** The file's name, for its type and for saving. */
  readonly name: string | undefined;
  /** To be saved rather than shown. */
  readonly save: boolean;
  /** The grid's name, where one is named. */
  readonly grid: string | undefined;
}

/** An object on the grid by its cap: Tahoe-LAFS's own URLs. */
export interface ObjectUrl extends Wanted {
  readonly kind: "object";
  /**
   * `/file/` and `/named/` URLs name the content of a file and nothing else: their other segments are only a name.
   */
  readonly form: "uri" | "file";
  /**
   * What follows the cap in a `/uri/` URL, decoded: names to walk from a directory. A slash at the end is an empty last
   * one. Always empty for a `/file/` URL.
   */
  readonly path: readonly string[];
  /** Which view: empty for the content. */
  readonly t: string;
}

/** An object by a handle that a page of this browser made: the URLs of `Grid.url`. */
export interface HandleUrl {
  readonly kind: "handle";
  readonly handle: string;
  /** What follows the handle, decoded: the way into a folder. Of a file it means nothing. */
  readonly path: readonly string[];
}

export interface RedirectUrl {
  readonly kind: "redirect";
  /** Absolute, under the same scope. Holds the cap. */
  readonly location: string;
}

/**
 * Reads a URL for which `isGridUrl` holds. The forms are those of Tahoe-LAFS's web API: `/uri/CAP`, its synonym
 * `/cap/CAP`, `/file/CAP/ANY/NAMES/NAME` and its synonym `/named/…`, and `/uri?uri=CAP`, which redirects; with the
 * arguments `filename=`, `save=` and `t=`, and of our own `grid=`. An argument without `=` counts as absent; of a repeated one the first
 * counts. And gridfetch's own `/PREFIX/HANDLE/ANY/PATH`, which takes no arguments: what was said when it was made counts.
 *
 * The path is split before it is decoded, so `%2F` stays within a name; a colon may be raw or `%3A`.
 * @throws GridError BAD_URL where it names no cap, is not UTF-8, or `save=` is no boolean
 */
export function parseGridUrl(url: URL, { scope, prefix }: GridPaths): GridUrl {
  const path = url.pathname.slice(scope.pathname.length);
  if (path.startsWith(`${prefix}/`)) {
    const [handle = "", ...below] = path
      .slice(prefix.length + 1)
      .split("/")
      .map(decodeSegment);
    return { kind: "handle", handle, path: below };
  }
  const [form = "", ...rest] = path.split("/");
  const [first = "", ...names] = rest.map(decodeSegment);
  const query = new Query(url);
  if (form === "file" || form === "named") {
    if (first === "") throw badUrl(`/${form}/ must be followed by a cap: nothing is not a file-cap`);
    return objectUrl("file", first, names, query);
  }
  if (first === "") return { kind: "redirect", location: redirectLocation(form, query, scope) };
  return objectUrl("uri", first, names, query);
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badUrl("a part of the path is not UTF-8 when percent-decoded");
  }
}

function objectUrl(form: ObjectUrl["form"], capText: string, names: readonly string[], query: Query): ObjectUrl {
  return {
    kind: "object",
    form,
    capText,
    path: form === "file" ? [] : names,
    name: query.get("filename") || names.at(-1) || undefined,
    save: parseBoolean(query.get("save") ?? "false"),
    grid: query.get("grid") || undefined,
    t: (query.get("t") ?? "").trim(),
  };
}

/** The arguments that have a value, even an empty one: `?save` says nothing, `?save=` does. */
class Query {
  readonly pairs: readonly (readonly [name: string, value: string])[];

  constructor({ search }: URL) {
    const arguments_ = search.slice(1).split("&");
    this.pairs = [...new URLSearchParams(arguments_.filter((each) => each.includes("=")).join("&"))];
  }

  get(name: string): string | undefined {
    return this.pairs.find(([each]) => each === name)?.[1];
  }
}

function parseBoolean(text: string): boolean {
  if (/^(?:true|t|1|on)$/i.test(text)) return true;
  if (/^(?:false|f|0|off)$/i.test(text)) return false;
  throw badUrl("invalid boolean argument: save must be true or false");
}

/** `/uri?uri=CAP&other=…` is what a form sends; the cap moves into the path and the other arguments stay. */
function redirectLocation(form: string, query: Query, scope: URL): string {
  const capText = query.get("uri");
  if (capText === undefined) throw badUrl("GET /uri requires uri=, or a cap in the path");
  try {
    parseCap(capText);
  } catch (error) {
    throw badUrl(`Invalid capability: ${isGridError(error, "BAD_CAP") ? error.details.reason : "it cannot be read"}`);
  }
  const location = new URL(`${form}/${encodeURIComponent(capText)}`, scope);
  location.search = new URLSearchParams(
    query.pairs.filter(([name]) => name !== "uri").map((pair) => [...pair]),
  ).toString();
  return location.href;
}
