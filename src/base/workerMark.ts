/**
 * The header by which an answer of the worker is known. A grid URL may also be answered by a web server, which sends its
 * fallback page with status 200 and takes Range requests as well: whoever wants a file's bytes insists on this header.
 *
 * It is one that a page can also see where it does not fetch: of a frame, in the frame's own navigation entry.
 */
export const WORKER_MARK = { name: "Server-Timing", value: "gridfetch" } as const;

/** Has an answer the mark? Times may follow it. */
export function isMarked({ headers }: Response): boolean {
  const value = headers.get(WORKER_MARK.name);
  return value === WORKER_MARK.value || (value?.startsWith(`${WORKER_MARK.value}, `) ?? false);
}
