import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";

/** So many bytes are a sign that a share is at work; fewer may be a trickle. */
const SIGN_BYTES = 16 * 1024;

/** A block that was asked of a share. */
export interface Ask {
  readonly at: number;
  readonly length: number;
  /** Bytes asked of the share up to and including this block, ever. */
  readonly upTo: number;
}

/** When what was asked of a share is due, in the clock's milliseconds. */
export interface Due {
  /** Some of it. */
  readonly sign: number;
  readonly end: number;
}

/**
 * When what was asked of a share is due. A run of blocks may take a second and be well: what counts is whether it keeps coming. So
 * a block is expected as long after the last one as its server needs for the bytes between them, and some of it sooner. What
 * comes later than that is told to the server's health where it passes: that much is nothing to worry about. Where one block
 * after another is overdue, it is the server that has become slow.
 */
export class Pace {
  readonly #server: Server;
  readonly #context: DownloadContext;
  /** In the order in which they were asked. */
  readonly #pending = new Set<Ask>();
  #asked = 0;
  #over = 0;
  #lastBlock = Number.NEGATIVE_INFINITY;
  #lastSign = Number.NEGATIVE_INFINITY;
  #sinceSign = 0;
  /** The worst that signs were late by since the last block. */
  #signLag = 0;
  /** The worst that may have been a hiccup or the begin of something worse. */
  #hiccup = 0;
  #isBehind = false;

  constructor(server: Server, context: DownloadContext) {
    this.#server = server;
    this.#context = context;
  }

  ask(length: number): Ask {
    this.#asked += length;
    const ask = { at: this.#context.clock.now(), length, upTo: this.#asked };
    this.#pending.add(ask);
    return ask;
  }

  /** Undefined where nothing is known to judge by, or where the block came. */
  due(ask: Ask): Due | undefined {
    const { health } = this.#context;
    const norm = health.norm(this.#server);
    if (norm === undefined || !this.#pending.has(ask)) return undefined;
    const { latency, bytesPerMs } = norm;
    const before = Math.max(0, ask.upTo - ask.length - this.#over);
    // While the program slept nothing could come.
    const turn = Math.max(ask.at + latency, this.#lastBlock, health.awakeSince) + before / bytesPerMs;
    return {
      sign: Math.max(turn, this.#lastSign) + Math.min(ask.length, SIGN_BYTES) / bytesPerMs,
      end: turn + ask.length / bytesPerMs,
    };
  }

  /** Bytes of the share came, of whatever. */
  received(length: number): void {
    this.#sinceSign += length;
    if (this.#sinceSign < SIGN_BYTES) return;
    const [first] = this.#pending;
    const now = this.#context.clock.now();
    const due = first && this.due(first);
    if (due) this.#signLag = Math.max(this.#signLag, now - due.sign);
    this.#sinceSign = 0;
    this.#lastSign = now;
  }

  /** All of a block is here. */
  came(ask: Ask): void {
    const now = this.#context.clock.now();
    const due = this.due(ask);
    if (due) this.#learn(now - due.end);
    this.#lastBlock = now;
    this.leave(ask);
  }

  /** Was the last block that came overdue? */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Nobody waits for a block any more. */
  leave(ask: Ask): void {
    if (this.#pending.delete(ask)) this.#over += ask.length;
  }

  #learn(lag: number): void {
    const { health } = this.#context;
    const worst = Math.max(lag, this.#signLag);
    this.#signLag = 0;
    this.#isBehind = lag > health.tolerance(this.#server);
    this.#hiccup = Math.max(this.#hiccup, worst);
    if (this.#isBehind) return;
    health.of(this.#server).sawLag(this.#hiccup);
    this.#hiccup = 0;
  }
}
