import { concatBytes } from "../base/bytes.ts";
import { DataSpans } from "../base/DataSpans.ts";
import type { LogScope } from "../base/EventLog.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { type ByteRange, overlaps } from "../base/range.ts";
import { Spans } from "../base/Spans.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { Watchdog } from "./Watchdog.ts";

/** A range that somebody waits for (`needed`), or that is asked for in the hope that it will be. */
interface Want extends ByteRange {
  length: number;
  /** Is it enough to have what there is of it, where the share ends in it? */
  readonly mayEnd?: boolean;
  /** Whose wish it is, for the log. */
  readonly asker: LogScope;
  readonly needed?: { resolve(pieces: readonly Uint8Array[]): void; reject(error: unknown): void };
}

/** A part of a share in pieces of `length` from `offset` to `end`, exclusive; the last one may be shorter. */
export interface ByteGrid {
  readonly offset: number;
  readonly length: number;
  readonly end: number;
}

/** A request under way: its bytes before `arrived` are here. */
interface Request extends ByteRange {
  arrived: number;
  readonly controller: AbortController;
}

/**
 * The UNVERIFIED bytes of one share on one server: what is wanted, what is under way, what is here. Wants of the same moment become
 * few requests: neighbours join, small gaps between them are read over. Bytes are kept only while they are wanted.
 */
export class ShareBytes {
  readonly #server: Server;
  readonly #shareNumber: number;
  readonly #context: DownloadContext;
  readonly #received: (length: number) => void;
  readonly #wants = new Set<Want>();
  readonly #requests = new Set<Request>();
  readonly #held = new DataSpans();
  #end = Number.POSITIVE_INFINITY;
  #grid: ByteGrid | undefined;
  #flushing = false;
  #lastArrival: number | undefined;
  #lastReply: number | undefined;

  /** @param received is told of bytes as they come */
  constructor(
    server: Server,
    shareNumber: number,
    context: DownloadContext,
    received: (length: number) => void = () => {},
  ) {
    this.#server = server;
    this.#shareNumber = shareNumber;
    this.#context = context;
    this.#received = received;
  }

  /** When bytes last came, in the clock's milliseconds; undefined before they ever did. */
  get lastArrival(): number | undefined {
    return this.#lastArrival;
  }

  /** When a reply last came to its end, likewise. */
  get lastReply(): number | undefined {
    return this.#lastReply;
  }

  /** Where a cache stands before the server, no request goes over the pieces' borders: so readers ask for the same, whatever they want. */
  cutBy(grid: ByteGrid): void {
    this.#grid = grid;
  }

  /** Calls off every request: nobody reads the file any more. */
  stop(): void {
    for (const { controller } of this.#requests) controller.abort(noLongerWanted);
    this.#requests.clear();
  }

  /**
   * The share's bytes from `offset` on, in pieces as they came: whoever needs them in one place copies them just once.
   * @throws GridError DATA_UNAVAILABLE where the share ends before, the request's error where that failed, the signal's
   *   reason
   */
  async readPieces(
    offset: number,
    length: number,
    signal: AbortSignal,
    asker = this.#context.scope,
  ): Promise<readonly Uint8Array[]> {
    signal.throwIfAborted();
    const held = this.#held.pieces(offset, length);
    if (held === undefined) return this.#arrival(offset, length, signal, asker);
    this.#dropUnwanted(offset, length);
    return held;
  }

  /** As `readPieces`, in a new array. */
  async read(offset: number, length: number, signal: AbortSignal, asker?: LogScope): Promise<Uint8Array<ArrayBuffer>> {
    return concatBytes(await this.readPieces(offset, length, signal, asker));
  }

  /** As `read`, or as much of it as the share has. */
  async readUpTo(
    offset: number,
    length: number,
    signal: AbortSignal,
    asker: LogScope,
  ): Promise<Uint8Array<ArrayBuffer>> {
    signal.throwIfAborted();
    return concatBytes(await this.#arrival(offset, length, signal, asker, true));
  }

  /** Asks for ranges that will probably be needed. They stay wanted until the result is called; that they fail is nobody's concern. */
  speculate(ranges: readonly ByteRange[], asker = this.#context.scope): () => void {
    const wants = ranges.filter((range) => range.length > 0).map((range) => ({ ...range, asker }));
    for (const want of wants) this.#wants.add(want);
    this.#flushSoon();
    return () => {
      for (const want of wants) this.#unwant(want);
    };
  }

  #arrival(
    offset: number,
    length: number,
    signal: AbortSignal,
    asker: LogScope,
    mayEnd = false,
  ): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      const needed = {
        resolve: (pieces: readonly Uint8Array[]) => {
          signal.removeEventListener("abort", abort);
          this.#wants.delete(want);
          this.#dropUnwanted(offset, length);
          resolve(pieces);
        },
        reject: (error: unknown) => {
          signal.removeEventListener("abort", abort);
          this.#unwant(want);
          reject(error);
        },
      };
      const abort = (): void => needed.reject(signal.reason);
      const want: Want = { offset, length, asker, needed, mayEnd };
      if (offset + length > this.#end) {
        reject(dataUnavailable(want));
        return;
      }
      signal.addEventListener("abort", abort, { once: true });
      this.#wants.add(want);
      this.#flushSoon();
    });
  }

  #unwant(want: Want): void {
    this.#wants.delete(want);
    this.#dropUnwanted(want.offset, want.length);
    for (const request of this.#requests) this.#endIfUnwanted(request);
  }

  #endIfUnwanted(request: Request): void {
    const rest = request.offset + request.length - request.arrived;
    if (rest === 0 || this.#isWanted(request.arrived, rest)) return;
    this.#requests.delete(request);
    request.controller.abort(noLongerWanted);
  }

  #isWanted(offset: number, length: number): boolean {
    for (const want of this.#wants) {
      if (overlaps(want, offset, length)) return true;
    }
    return false;
  }

  #dropUnwanted(offset: number, length: number): void {
    const unwanted = new Spans([{ offset, length }]);
    for (const want of this.#wants) {
      // Hundreds of wants are there at once where segments are small, and nearly all of them are elsewhere.
      if (overlaps(want, offset, length)) unwanted.remove(want.offset, want.length);
    }
    for (const run of unwanted) this.#held.remove(run.offset, run.length);
  }

  /** Wants that arise together, in one turn of the microtask queue, are asked for together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      for (const range of this.#toAsk()) this.#start(range);
    });
  }

  #toAsk(): ByteRange[] {
    const missing = new Spans(this.#wants).difference(this.#held.spans());
    // What a request has brought already is held, or was dropped because nobody wanted it then.
    for (const { arrived, offset, length } of this.#requests) missing.remove(arrived, offset + length - arrived);
    if (this.#end !== Number.POSITIVE_INFINITY) missing.remove(this.#end, Number.MAX_SAFE_INTEGER - this.#end);
    const { gapBytes, requestBytes } = this.#context.limits;
    const grid = this.#context.storageOf(this.#server).isCached ? this.#grid : undefined;
    const asks: { offset: number; length: number }[] = [];
    for (const { offset, length } of grid === undefined ? missing : [...missing].flatMap((run) => cutAt(run, grid))) {
      const last = asks.at(-1);
      const joined = last === undefined ? length : offset + length - last.offset;
      const isOneRequest =
        last !== undefined &&
        joined - length - last.length <= gapBytes &&
        joined <= requestBytes &&
        (grid === undefined || pieceAt(last.offset, grid) === pieceAt(offset, grid));
      if (isOneRequest) last.length = joined;
      else asks.push({ offset, length });
    }
    return asks.flatMap((ask) => cut(ask, requestBytes));
  }

  #start(range: ByteRange): void {
    const request: Request = { ...range, arrived: range.offset, controller: new AbortController() };
    this.#requests.add(request);
    void this.#run(request);
  }

  /** A request may serve several wants; in the log it belongs to the one that came first. */
  #askerOf({ offset, length }: ByteRange): LogScope {
    for (const want of this.#wants) {
      if (overlaps(want, offset, length)) return want.asker;
    }
    return this.#context.scope;
  }

  /** Never rejects: what goes wrong is told to the wants. */
  async #run(request: Request): Promise<void> {
    const { away, clock, health, storageIndexText, storageOf } = this.#context;
    const { offset, length, controller } = request;
    const scope = this.#askerOf(request).child("request");
    const began = clock.now();
    scope.log("debug", "start", () => ({ offset, length }));
    const watchdog = new Watchdog(this.#context, controller, this.#server);
    try {
      const storage = storageOf(this.#server);
      let isHit = false;
      const body = storage.readShare(storageIndexText, this.#shareNumber, offset, length, controller.signal, () => {
        isHit = true;
      });
      let firstByte: number | undefined;
      for await (const bytes of body) {
        controller.signal.throwIfAborted();
        if (bytes.length === 0) continue; // no sign of life
        if (firstByte === undefined) {
          firstByte = clock.now();
          if (!isHit) {
            health.of(this.#server).sawLatency(firstByte - began);
            away?.answered(this.#server, began);
          }
        }
        watchdog.saw(bytes.length);
        this.#receive(request, bytes);
        // Everything is here. The reply's proper end is waited for, a little, so that the connection can be used again.
        if (request.arrived === offset + length) watchdog.expectEnd();
      }
      controller.signal.throwIfAborted();
      const arrived = request.arrived - offset;
      if (firstByte !== undefined && !isHit) health.of(this.#server).sawThroughput(arrived, clock.now() - firstByte);
      scope.log("debug", "done", () => ({ bytes: arrived, ms: clock.now() - began }));
      this.#requests.delete(request);
      this.#lastReply = clock.now();
      if (arrived < length) this.#endsAt(request.arrived);
    } catch (error) {
      // Called off: whoever wants these bytes since has asked anew.
      if (!this.#requests.delete(request)) {
        scope.log("debug", "cancelled");
        return;
      }
      const cause = controller.signal.aborted ? controller.signal.reason : error;
      scope.log("debug", "failed", () => ({ reason: isGridError(cause) ? cause.code : "unknown" }));
      // The line's fault and not the server's: the rest is asked for anew, on the connection that is there now.
      if (isGridError(cause, "SERVER_UNREACHABLE") && cause.details.why === "replaced") this.#flushSoon();
      else this.#failWants(request, cause);
    } finally {
      watchdog.stop();
    }
  }

  #receive(request: Request, bytes: Uint8Array): void {
    const { arrived } = request;
    if (arrived + bytes.length > request.offset + request.length) {
      const reason = "sent more than was asked for";
      throw new GridError(
        "SERVER_REFUSED",
        { server: this.#server.name, status: 206, reason },
        `${this.#server.name} ${reason}.`,
      );
    }
    request.arrived = arrived + bytes.length;
    this.#lastArrival = this.#context.clock.now();
    this.#context.traffic.received += bytes.length;
    this.#received(bytes.length);
    for (const want of this.#wants) {
      const start = Math.max(want.offset, arrived);
      const end = Math.min(want.offset + want.length, request.arrived);
      if (start < end) this.#held.add(start, bytes.subarray(start - arrived, end - arrived));
    }
    this.#settleArrived(arrived, bytes.length);
    // What settled may have been the last that wanted any of it.
    this.#endIfUnwanted(request);
  }

  #settleArrived(offset: number, length: number): void {
    for (const want of [...this.#wants]) {
      if (!want.needed || !overlaps(want, offset, length)) continue;
      const pieces = this.#held.pieces(want.offset, want.length);
      if (pieces !== undefined) want.needed.resolve(pieces);
    }
  }

  /** A short reply: no byte exists from `end` on. */
  #endsAt(end: number): void {
    this.#end = Math.min(this.#end, end);
    for (const want of [...this.#wants]) {
      if (want.offset + want.length <= this.#end) continue;
      if (!want.mayEnd) {
        want.needed?.reject(dataUnavailable(want));
        continue;
      }
      want.length = Math.max(0, this.#end - want.offset);
      // What is missing is on its way, where it was asked for in several requests.
      const pieces = this.#held.pieces(want.offset, want.length);
      if (pieces !== undefined) want.needed?.resolve(pieces);
    }
  }

  #failWants(request: Request, cause: unknown): void {
    // Where all of it had come and only the end was missing, that is nothing: a want that reaches into the next request waits
    // for that one.
    const rest = request.offset + request.length - request.arrived;
    for (const want of [...this.#wants]) {
      if (!overlaps(want, request.arrived, rest)) continue;
      if (want.needed) want.needed.reject(cause);
      else this.#wants.delete(want);
    }
  }
}

/** Which piece a byte is in: -1 for all before the first, infinity for all after the last. */
function pieceAt(at: number, { offset, length, end }: ByteGrid): number {
  if (at >= end) return Number.POSITIVE_INFINITY;
  return Math.max(-1, Math.floor((at - offset) / length));
}

function cutAt(run: ByteRange, grid: ByteGrid): ByteRange[] {
  const parts: ByteRange[] = [];
  const runEnd = run.offset + run.length;
  for (let at = run.offset; at < runEnd; ) {
    const border = Math.min(grid.offset + (pieceAt(at, grid) + 1) * grid.length, grid.end);
    const to = at < grid.end ? Math.min(runEnd, border) : runEnd;
    parts.push({ offset: at, length: to - at });
    at = to;
  }
  return parts;
}

function cut(range: ByteRange, most: number): ByteRange[] {
  // Pieces of one size: a full piece and a crumb would cost the crumb a request.
  const size = Math.ceil(range.length / Math.ceil(range.length / most));
  const pieces: ByteRange[] = [];
  for (let at = 0; at < range.length; at += size) {
    pieces.push({ offset: range.offset + at, length: Math.min(size, range.length - at) });
  }
  return pieces;
}

function dataUnavailable({ offset, length }: ByteRange): GridError<"DATA_UNAVAILABLE"> {
  return new GridError(
    "DATA_UNAVAILABLE",
    { offset, length },
    `The share ends before byte ${offset + length}, which it needs: it was cut off.`,
  );
}
