const FILE = "gridfetch-tls.wasm";
/** A file of half a megabyte, on the app's own origin. */
const FETCH_LIMIT_MS = 30_000;

/**
 * Fetches the TLS module, which lies beside the worker's script: a Service Worker cannot `import()` it when it is first
 * needed, and most grids never need it.
 *
 * @param script URL of the worker's script
 */
export async function loadTls(script: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(new URL(FILE, script), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_LIMIT_MS)]),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.arrayBuffer();
}
