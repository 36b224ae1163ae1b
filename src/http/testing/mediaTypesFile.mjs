import { mimes } from "mrmime";

/** Families of which everything is kept: what browsers show, play or style. */
const FAMILIES = /^(?:audio|font|image|text|video)\//;
/** Of the others, what people keep on a grid. The rest are formats of trades, and saved under their name all the same. */
const APPLICATIONS = new Set(
  [
    "atom+xml dash+xml epub+zip geo+json gpx+xml gzip java-archive json json5 ld+json manifest+json mathml+xml mbox mp4",
    "msword octet-stream ogg pdf pgp-encrypted pgp-keys pgp-signature postscript rss+xml sql toml ttml+xml wasm",
    "xhtml+xml xml zip",
  ].flatMap((names) => names.split(" ").map((name) => `application/${name}`)),
);

/** The text of mediaTypes.ts: mrmime's table, without what nobody needs, in a third of its bytes. */
export function mediaTypesFile() {
  /** @type {Map<string, string[]>} */
  const byType = new Map();
  for (const [extension, type] of Object.entries(mimes)) {
    if (FAMILIES.test(type) || APPLICATIONS.has(type)) byType.set(type, [...(byType.get(type) ?? []), extension]);
  }
  const rows = [...byType].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, names]) => `${type} ${names.join(" ")}`);
  return [
    "/**",
    " * Media types and their file name extensions, a type a line. Made from the package mrmime by make-media-types.mjs: its",
    " * whole table is 3 KB in every worker, most of it for formats that no browser shows.",
    " */",
    "export const MEDIA_TYPES = `",
    ...rows,
    "`;",
    "",
  ].join("\n");
}
