import type { UrlOptions } from "./UrlOptions.ts";

/**
 * A URL under `scope`, in Tahoe-LAFS's own forms: `/uri/CAP`, `/file/CAP/@@named=/NAME`, and
 * `/uri/CAP?filename=NAME&save=true` for downloads. It holds the cap: whoever sees the URL can read the file.
 */
export function handleFor(scope: URL, cap: string, { filename, download = false }: UrlOptions): string {
  const capPart = encodeURIComponent(cap);
  if (filename && !download && !isDots(filename)) {
    return new URL(`file/${capPart}/@@named=/${encodeURIComponent(filename)}`, scope).href;
  }
  const url = new URL(`uri/${capPart}`, scope);
  if (filename) url.searchParams.set("filename", filename);
  if (download) url.searchParams.set("save", "true");
  return url.href;
}

/** A path cannot hold these two: browsers resolve them away, also percent-encoded. */
function isDots(name: string): boolean {
  return name === "." || name === "..";
}
