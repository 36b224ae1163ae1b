import { noLongerWanted } from "../base/noLongerWanted.ts";

/**
 * Runs `work` when fewer than `count` of all tabs' works under this name do. A tab that is closed or crashes leaves its place.
 *
 * @throws what the work throws; the signal's reason while it waits
 */
export async function inTurn<T>(
  locks: LockManager,
  name: string,
  count: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const found = new AbortController();
  const waiting = AbortSignal.any([signal, found.signal]);
  const places = Array.from({ length: count }, (_, place) =>
    locks.request(`${name} ${place}`, { signal: waiting }, async () => {
      // Two may be free at one moment.
      if (found.signal.aborted) throw noLongerWanted;
      found.abort(noLongerWanted);
      return { result: await work() };
    }),
  );
  const ends = await Promise.allSettled(places);
  const own = ends.find((end) => end.status === "fulfilled" || end.reason !== noLongerWanted);
  if (own?.status === "fulfilled") return own.value.result;
  throw own?.reason ?? signal.reason;
}
