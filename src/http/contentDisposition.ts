/**
 * A Content-Disposition header (RFC 6266) for a name in any script. `filename*` (RFC 8187) holds the name; `filename`
 * is there for old readers and holds what of it is safe in every one of them: printable ASCII without `"`, `\` and `%`,
 * which they take in different ways.
 *
 * Control characters and slashes become underscores: a name is neither a header line nor a path.
 */
export function contentDisposition(kind: "attachment" | "inline", name: string): string {
  const safe = name.replace(UNSAFE, "_").replace(/\p{Surrogate}/gu, "\ufffd");
  const fallback = safe.replace(/[^\x20-\x7e]|["%]/gu, "_");
  const parameter = `${kind}; filename="${fallback}"`;
  return fallback === safe ? parameter : `${parameter}; filename*=UTF-8''${encodeExtended(safe)}`;
}

const UNSAFE = /[\p{Cc}\u2028\u2029/\\]/gu;

/** `encodeURIComponent` leaves alone a few characters that RFC 8187 does not. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
