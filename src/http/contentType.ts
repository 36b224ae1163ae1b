import { mimes } from "mrmime";

/**
 * The Content-Type for a file's name, by its last extension.
 *
 * The default is `application/octet-stream` and not Tahoe-LAFS's `text/plain`: a browser saves what nobody named,
 * instead of showing a page of noise, and never guesses that it is active. Text is declared UTF-8. A compressed file is
 * what it is, `application/gzip` say, and never a Content-Encoding: a browser does not decode the body of a worker's
 * answer.
 */
export function contentType(name: string | undefined): string {
  const extension = /[^/]\.([^./]+)$/.exec(name ?? "")?.[1]?.toLowerCase();
  const type = extension === undefined ? undefined : TYPES.get(extension);
  if (type === undefined) return "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/**
 * May the browser show this type as a document of the app's origin? Only what cannot run script there: pictures, sound,
 * video and PDF, whose viewers are apart from the page. They must not be sandboxed: Chromium then shows no video and no
 * PDF at all.
 */
export function isPassive(type: string): boolean {
  return /^(?:(?:image|audio|video)\/(?!svg)|application\/pdf$)/.test(type) && !type.includes("+xml");
}

/**
 * What `mrmime` leaves out (it knows no `x-` and `vnd.` types) or maps for another world than a grid of people's files.
 */
const CORRECTIONS: [extension: string, type: string][] = [
  ["mkv", "video/x-matroska"],
  ["mka", "audio/x-matroska"],
  ["m4v", "video/mp4"],
  ["avi", "video/x-msvideo"],
  ["flac", "audio/flac"],
  ["m3u8", "application/vnd.apple.mpegurl"],
  ["srt", "text/plain"],
  ["ico", "image/x-icon"],
  ["tar", "application/x-tar"],
  ["tgz", "application/gzip"],
  ["bz2", "application/x-bzip2"],
  ["7z", "application/x-7z-compressed"],
  ["py", "text/x-python"],
  ["rs", "text/plain"],
  ["c", "text/plain"],
  ["h", "text/plain"],
  ["sh", "text/plain"],
  ["java", "text/plain"],
  ["diff", "text/plain"],
  ["patch", "text/plain"],
];

/** A Map, since `mrmime`'s own look-up takes `constructor` for an extension. */
const TYPES = new Map([...Object.entries(mimes), ...CORRECTIONS]);
