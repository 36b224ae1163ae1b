/** What an opaque URL stands for. Secret: it holds the cap. */
export interface HandleRecord {
  readonly cap: string;
  /** Decides the type and is what the file is saved as; none if empty. */
  readonly filename: string;
  /** To be saved rather than shown. */
  readonly download: boolean;
  /** The media type, where the name is not to decide it; empty otherwise. */
  readonly type: string;
  /** The grid's name in the configuration; empty for the first. */
  readonly grid: string;
  /** What the address of a folder gives by itself; nothing unless set. What is in it is below its address. */
  readonly shows?: FolderView;
  /** A ZIP archive instead: of these, and then `cap` is empty, or of all in the folder of `cap`, and then there are none. */
  readonly zip?: readonly ZipChoice[];
}

/** A file or a folder that is put into an archive. */
export interface ZipChoice {
  /** Secret. */
  readonly cap: string;
  /** What it is called there. */
  readonly filename: string;
}

/** A page of what is in it. */
export type FolderView = "listing";

/** A record with the handle that its URL has. */
export interface HandleEntry {
  readonly handle: string;
  readonly record: HandleRecord;
}

/** Long enough for every cap of a real file; a LIT cap, which is the file itself, has 55 bytes. */
const MOST_CAP = 8_192;
const MOST_TEXT = 1_024;
export const MOST_CHOSEN = 1_000;

/** 16 bytes in base64url. */
export function isHandle(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{22}$/.test(value);
}

/** Anybody on the page's origin may send one, and a database may hold one of another version. */
export function isHandleRecord(value: unknown): value is HandleRecord {
  if (typeof value !== "object" || value === null) return false;
  const { cap, filename, download, type, grid, shows, zip } = value as Record<string, unknown>;
  if (!isText(cap, MOST_CAP) || !isText(filename, MOST_TEXT) || !isText(grid, MOST_TEXT)) return false;
  if (shows !== undefined && shows !== "listing") return false;
  if (zip !== undefined && !isChoice(zip)) return false;
  return typeof download === "boolean" && isText(type, MOST_TEXT) && (type === "" || isMediaType(type));
}

function isChoice(value: unknown): value is readonly ZipChoice[] {
  return (
    Array.isArray(value) &&
    value.length <= MOST_CHOSEN &&
    value.every((each) => isText(each?.cap, MOST_CAP) && isText(each?.filename, MOST_TEXT))
  );
}

export function isHandleEntry(value: unknown): value is HandleEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "handle" in value &&
    isHandle(value.handle) &&
    "record" in value &&
    isHandleRecord(value.record)
  );
}

/**
 * A type, a subtype and perhaps parameters (RFC 9110, section 8.3.1). No comma but within double quotes: browsers take what
 * follows one for another type, and the last counts (Fetch Standard, "extract a MIME type").
 */
function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: *; *[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[ !#-&(-[\]-~]*"))*$/.test(text);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}
