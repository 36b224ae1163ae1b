import { MEDIA_TYPES } from "./mediaTypes.ts";

/** For what nobody can tell. A browser saves it, and never guesses that it is active. */
export const UNKNOWN_TYPE = "application/octet-stream";

/**
 * The Content-Type for a file's name, by its last extension; undefined where that tells nothing.
 *
 * Text is declared UTF-8. A compressed file is what it is, `application/gzip` say, and never a Content-Encoding: a
 * browser does not decode the body of a worker's answer.
 */
export function typeOfName(name: string | undefined): string | undefined {
  const extension = /[^/]\.([^./]+)$/.exec(name ?? "")?.[1]?.toLowerCase();
  const type = extension === undefined ? undefined : TYPES.get(extension);
  return type?.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/**
 * May the browser show this type as a document of the app's origin? Only what cannot run script there: pictures, sound,
 * video and PDF, whose viewers are apart from the page. They must not be sandboxed: Chromium then shows no video and no
 * PDF at all.
 */
export function isPassive(type: string): boolean {
  const [essence = ""] = type.toLowerCase().split(";");
  return (
    /^(?:(?:image|audio|video)\/(?!svg)[\w.-]+|application\/pdf)$/.test(essence.trim()) && !essence.includes("xml")
  );
}

/**
 * What the table leaves out (it has no `x-` and `vnd.` types) or maps for another world than a grid of people's files.
 */
const CORRECTIONS: [extension: string, type: string][] = [
  ["mkv", "video/x-matroska"],
  ["mka", "audio/x-matroska"],
  ["m4v", "video/mp4"],
  ["m4b", "audio/mp4"],
  ["avi", "video/x-msvideo"],
  ["wmv", "video/x-ms-wmv"],
  ["flv", "video/x-flv"],
  ["flac", "audio/flac"],
  ["aiff", "audio/aiff"],
  ["m3u8", "application/vnd.apple.mpegurl"],
  ["srt", "text/plain"],
  ["ico", "image/x-icon"],
  ["tar", "application/x-tar"],
  ["tgz", "application/gzip"],
  ["bz2", "application/x-bzip2"],
  ["xz", "application/x-xz"],
  ["7z", "application/x-7z-compressed"],
  ["rar", "application/vnd.rar"],
  ["docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
  ["xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  ["pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"],
  ["odt", "application/vnd.oasis.opendocument.text"],
  ["ods", "application/vnd.oasis.opendocument.spreadsheet"],
  ["odp", "application/vnd.oasis.opendocument.presentation"],
  ["py", "text/x-python"],
  ["rs", "text/plain"],
  ["c", "text/plain"],
  ["h", "text/plain"],
  ["sh", "text/plain"],
  ["java", "text/plain"],
  ["diff", "text/plain"],
  ["patch", "text/plain"],
];

/** A Map: of an object, `constructor` would be an extension. */
const TYPES = new Map([...parseTypes(), ...CORRECTIONS]);

function parseTypes(): [extension: string, type: string][] {
  const rows = MEDIA_TYPES.trim().split("\n");
  return rows.flatMap((row) => {
    const [type = "", ...extensions] = row.split(" ");
    return extensions.map((extension): [string, string] => [extension, type]);
  });
}
