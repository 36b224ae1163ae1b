import { badFormat } from "../base/badFormat.ts";
import { GridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { withDeadline } from "../base/wait.ts";
import type { Server } from "../servers/Server.ts";
import type { MutableContext } from "./MutableContext.ts";

/** A server must not hold a read by a trickle. */
const LEAST_BYTES_PER_SECOND = 16 * 1024;

/**
 * A range of a share at once, or as much of it as the share has. For the small shares of mutable files: no coalescing.
 *
 * @throws GridError SERVER_UNREACHABLE, SERVER_REFUSED; TIMED_OUT where it takes longer than a share query may, and a second more for
 *   each 16 KiB; the signal's reason
 */
export async function readShareRange(
  server: Server,
  shareNumber: number,
  { offset, length }: ByteRange,
  { clock, limits, health, storageIndexText }: MutableContext,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const ms = limits.queryTimeout + (1_000 * length) / LEAST_BYTES_PER_SECOND;
  return withTimeLimit(ms, `share ${shareNumber} on ${server.name}`, clock, signal, async (limited) => {
    const began = clock.now();
    const bytes = new Uint8Array(length);
    let received = 0;
    for await (const piece of server.mutableStorage.readShare(storageIndexText, shareNumber, offset, length, limited)) {
      if (received === 0) health.of(server).sawLatency(clock.now() - began);
      if (received + piece.length > length) throw badFormat("share", "more bytes came than were asked for");
      bytes.set(piece, received);
      received += piece.length;
    }
    return received === length ? bytes : bytes.slice(0, received);
  });
}

/** Runs work whose signal is aborted with the caller's, and after a time. @throws GridError TIMED_OUT */
export async function withTimeLimit<T>(
  ms: number,
  what: string,
  clock: MutableContext["clock"],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const seconds = Math.round(ms / 1_000);
  const late = () => new GridError("TIMED_OUT", { what, ms }, `There was no answer about ${what} within ${seconds} s.`);
  return withDeadline(ms, clock, late, signal, work);
}
