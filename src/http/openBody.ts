import type { Clock } from "../base/Clock.ts";
import type { LogScope } from "../base/EventLog.ts";
import { GridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { sleep } from "../base/wait.ts";
import type { FileNode } from "../files/FileNode.ts";
import type { Opening } from "./Openings.ts";

/** Where many requests come at once, one that is overtaken within this time has not asked any server yet. */
const CROWDED_MS = 20;
/** A browser that was given a body for a request that it has aborted cancels it sooner than this. */
const DEAD_MS = 50;
/** To decipher what is at hand takes less. */
const WAIT_MS = 5;

type Chunk = Uint8Array<ArrayBuffer>;

/** A body whose first bytes are here, or are not waited for. */
export interface OpenBody extends BodyWatch {
  /** Exactly the range's bytes; errored, never short, where they cannot be had. Its cancel stops the read behind it. */
  readonly stream: ReadableStream<Chunk>;
  /** Its first piece: looked at, not taken from the stream. Empty where the request was overtaken. */
  readonly start: Chunk;
}

/** How far a body is. */
export interface BodyWatch {
  /** The part of the file that it is. */
  readonly range: ByteRange;
  /** Bytes of it that were handed on so far. */
  readonly delivered: number;
  /** Does anybody wait for its next bytes? Not while it is paused. */
  readonly isAwaited: boolean;
  /** When somebody last had to wait for bytes that were not at hand, in the clock's milliseconds; undefined before anybody did. */
  readonly waitedAt: number | undefined;
  /** Settles when it has ended, in whichever way. */
  readonly ended: Promise<BodyEnd>;
  /** Ends it, where nobody reads it any more and the browser does not say so: at once, or when so many bytes of it were handed on. */
  stop(reason: unknown, bytes?: number): void;
}

export type BodyEnd =
  | { readonly how: "finished" }
  /** Whoever read it wants no more: the rest of a video after a seek, say. */
  | { readonly how: "cancelled" }
  | { readonly how: "failed"; readonly error: unknown };

/**
 * Starts to read a part of a file and waits for its first verified bytes, so that what cannot be read becomes a status
 * and not a broken 200. It waits no longer where `opening` says so.
 *
 * @param opening the request among others of its reader; without one it is never overtaken
 * @throws what the read fails with; the signal's reason
 */
export async function openBody(
  node: FileNode,
  range: ByteRange,
  signal: AbortSignal,
  { clock, asker }: { readonly clock: Clock; readonly asker?: LogScope | undefined },
  opening?: Opening,
): Promise<OpenBody> {
  const reader = node.read({ ...range, signal, ...(asker && { asker }) }).getReader();
  let first: Promise<ReadableStreamReadResult<Chunk>> | undefined;
  const begin = () => {
    first = reader.read();
    // Whoever is overtaken hears of it when the stream is pulled.
    first.catch(() => undefined);
    return first;
  };
  const start = await (opening ? unlessOvertaken(begin, opening, signal, clock) : begin());
  const readFirst = async () => {
    if (first === undefined) await sleep(DEAD_MS, clock, signal);
    return first ?? begin();
  };
  let read = readFirst;
  let delivered = 0;
  let isAwaited = false;
  let waitedAt: number | undefined;
  let isOver = false;
  let stop = (_reason: unknown): void => {};
  let limit: { readonly bytes: number; readonly reason: unknown } | undefined;
  const abort = (): void => stop(signal.reason);
  let tell: (end: BodyEnd) => void;
  const ended = new Promise<BodyEnd>((resolve) => {
    tell = resolve;
  });
  const end = (how: BodyEnd, reason?: unknown): void => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener("abort", abort);
    tell(how);
    if (how.how === "finished") return;
    // WebKit's worker hangs for good if a listener of a signal runs within the stream's cancel: the read ends in a task of its own.
    clock.after(0, () => void reader.cancel(reason).catch(() => undefined));
  };

  const stream = new ReadableStream<Chunk>(
    {
      start(controller) {
        // Also where nobody has ever asked for the body.
        stop = (reason) => {
          controller.error(reason);
          end({ how: "cancelled" }, reason);
        };
        if (signal.aborted) abort();
        else signal.addEventListener("abort", abort);
      },
      async pull(controller) {
        isAwaited = true;
        const asked = clock.now();
        try {
          const { done, value } = await read();
          isAwaited = false;
          if (clock.now() - asked >= WAIT_MS) waitedAt = clock.now();
          read = () => reader.read();
          delivered += value?.length ?? 0;
          if (delivered > range.length || (done && delivered < range.length))
            throw wrongLength(range.length, delivered);
          if (limit !== undefined && delivered > limit.bytes) return stop(limit.reason);
          if (!done) return controller.enqueue(value);
          controller.close();
          end({ how: "finished" });
        } catch (error) {
          controller.error(error);
          end(signal.aborted ? { how: "cancelled" } : { how: "failed", error }, error);
        }
      },
      cancel(reason) {
        end({ how: "cancelled" }, reason);
      },
    },
    // Nothing is read before it is asked for: the read-ahead is the file node's business. Not a byte stream, which
    // would take each chunk's buffer from whoever made it: no gain from one could be measured in Chromium.
    { highWaterMark: 0 },
  );
  return {
    stream,
    start: start?.value ?? new Uint8Array(),
    range,
    get delivered() {
      return delivered;
    },
    get isAwaited() {
      return isAwaited;
    },
    get waitedAt() {
      return waitedAt;
    },
    ended,
    stop(reason, bytes = 0) {
      if (delivered >= bytes) stop(reason);
      else limit = { bytes, reason };
    },
  };
}

async function unlessOvertaken<T>(
  begin: () => Promise<T>,
  { isCrowded, overtaken, over }: Opening,
  signal: AbortSignal,
  clock: Clock,
): Promise<T | undefined> {
  try {
    let isOvertaken = false;
    const wait = overtaken.then(() => {
      isOvertaken = true;
      return undefined;
    });
    if (isCrowded) await Promise.race([sleep(CROWDED_MS, clock, signal), wait]);
    return isOvertaken ? undefined : await Promise.race([begin(), wait]);
  } finally {
    over();
  }
}

/** A Content-Length was promised; a stream that merely ends would be saved as if whole. */
function wrongLength(wanted: number, got: number): GridError<"INTERNAL"> {
  const reason = `a read of ${wanted} bytes brought ${got}`;
  return new GridError("INTERNAL", { reason }, `This file could not be read to its end: ${reason}.`);
}
