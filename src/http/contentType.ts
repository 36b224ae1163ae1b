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

const SQLITE = "application/vnd.sqlite3";

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
  ["ass", "text/plain"],
  ["ssa", "text/plain"],
  ["cbz", "application/vnd.comicbook+zip"],
  ["cbr", "application/vnd.comicbook-rar"],
  ["cb7", "application/x-7z-compressed"],
  ["mobi", "application/x-mobipocket-ebook"],
  ["zst", "application/zstd"],
  ["torrent", "application/x-bittorrent"],
  // What programs read by ranges: tables, databases, arrays, maps, models.
  ["parquet", "application/vnd.apache.parquet"],
  ["arrow", "application/vnd.apache.arrow.file"],
  ["feather", "application/vnd.apache.arrow.file"],
  ["arrows", "application/vnd.apache.arrow.stream"],
  ["db", SQLITE],
  ["sqlite", SQLITE],
  ["sqlite3", SQLITE],
  ["mbtiles", SQLITE],
  ["gpkg", "application/geopackage+sqlite3"],
  ["h5", "application/x-hdf5"],
  ["hdf5", "application/x-hdf5"],
  ["nc", "application/x-netcdf"],
  ["npy", UNKNOWN_TYPE],
  ["npz", "application/zip"],
  ["jsonl", "application/x-ndjson"],
  ["ndjson", "application/x-ndjson"],
  ["cbor", "application/cbor"],
  ["msgpack", "application/vnd.msgpack"],
  ["pmtiles", "application/vnd.pmtiles"],
  ["mvt", "application/vnd.mapbox-vector-tile"],
  ["fgb", "application/vnd.flatgeobuf"],
  ["shp", "application/vnd.shp"],
  ["dbf", "application/vnd.dbf"],
  ["las", "application/vnd.las"],
  ["laz", "application/vnd.laszip"],
  ["topojson", "application/json"],
  ["kml", "application/vnd.google-earth.kml+xml"],
  ["kmz", "application/vnd.google-earth.kmz"],
  ["glb", "model/gltf-binary"],
  ["gltf", "model/gltf+json"],
  ["stl", "model/stl"],
  ["obj", "model/obj"],
  ["mtl", "model/mtl"],
  ["usdz", "model/vnd.usdz+zip"],
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
