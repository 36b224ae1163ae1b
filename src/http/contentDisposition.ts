/**
 * A Content-Disposition header (RFC 6266) for a name in any script. `filename*` (RFC 8187) holds the name; `filename`
 * is there for old readers and holds what of it is safe in every one of them: printable ASCII without `"`, `\` and `%`,
 * which they take in different ways.
 *
 * Control characters and slashes become underscores: a name is neither a header line nor a path. So do characters that
 * turn the direction of writing, which let `exe.txt` be read where `txt.exe` is written, and dots at the start, which hide
 * a file.
 */
export function contentDisposition(kind: "attachment" | "inline", name: string): string {
  const safe = name
    .replace(UNSAFE, "_")
    .replace(/^\.+/, dotsToLines)
    .replace(/\p{Surrogate}/gu, "\ufffd");
  const fallback = safe.replace(/[^\x20-\x7e]|["%]/gu, "_");
  const parameter = `${kind}; filename="${fallback}"`;
  return fallback === safe ? parameter : `${parameter}; filename*=UTF-8''${encodeExtended(safe)}`;
}

const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029/\\]/gu;

function dotsToLines(dots: string): string {
  return "_".repeat(dots.length);
}

/** `encodeURIComponent` leaves alone a few characters that RFC 8187 does not. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
