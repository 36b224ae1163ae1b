import { downloadByFrame } from "./downloadByFrame.ts";

export interface UrlOptions {
  /** The file's name: it decides the Content-Type and is what the file is saved as. Any script, any characters. */
  readonly filename?: string;
  /** For saving, not for showing. */
  readonly download?: boolean;
}

/** A grid, as the Service Worker serves it to this page. */
export class Grid {
  /** What its URLs are under. */
  readonly scope: URL;

  constructor(scope: URL) {
    this.scope = scope;
  }

  /**
   * A URL for `<video src>`, `<img>`, a link or `fetch`, in Tahoe-LAFS's own forms: `/uri/CAP`,
   * `/file/CAP/@@named=/NAME`, and `/uri/CAP?filename=NAME&save=true` for downloads. It holds the cap: whoever sees the
   * URL can read the file.
   */
  url(cap: string, { filename, download = false }: UrlOptions = {}): string {
    const capPart = encodeURIComponent(cap);
    if (filename && !download && !isDots(filename)) {
      return new URL(`file/${capPart}/@@named=/${encodeURIComponent(filename)}`, this.scope).href;
    }
    const url = new URL(`uri/${capPart}`, this.scope);
    if (filename) url.searchParams.set("filename", filename);
    if (download) url.searchParams.set("save", "true");
    return url.href;
  }

  /**
   * Saves the file of a URL that was made with `download: true`.
   * @param onFailed is called with the worker's words if the file cannot be had. A download that breaks off later is
   *   shown by the browser.
   */
  download(url: string, onFailed: (reason: string) => void): void {
    downloadByFrame(url, onFailed);
  }
}

/** A path cannot hold these two: browsers resolve them away, also percent-encoded. */
function isDots(name: string): boolean {
  return name === "." || name === "..";
}
