import type { Clock } from "../base/Clock.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import type { Limits } from "../base/limits.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { withDeadline } from "../base/wait.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";
import { discardBody } from "./httpBody.ts";
import { isRepeatable } from "./isRepeatable.ts";

/** What a proxy answers whose server is away. */
const GATEWAY_STATUSES: readonly number[] = [502, 503, 504];

/** Doubling ends here: a quarter of an hour, with the usual limits. */
const MOST_DOUBLINGS = 4;

/** One of the addresses. */
interface Way {
  readonly transport: HttpTransport;
  /** When a reply's head came last, in the clock's milliseconds. */
  answeredAt: number;
  /** How often in a row it was left because it said nothing. */
  silences: number;
}

type Outcome =
  | { readonly kind: "reply"; readonly reply: HttpReply; readonly isGateway: boolean }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * A server with several addresses: a request goes to the one that worked last, at first to the first, and if that fails to the
 * others in their order, one after the other and never to two at once. While a worse one is in use, the better ones are
 * tried now and then beside the requests, so that no request has to wait for an address that is still dead.
 *
 * Only what may be repeated without harm goes on to another address.
 */
export class FallbackTransport implements HttpTransport {
  readonly #ways: readonly Way[];
  readonly #name: string;
  readonly #clock: Clock;
  readonly #limits: Limits;
  #preferred = 0;
  #probe: { readonly at: number; readonly failures: number } | undefined;
  #isProbing = false;

  /**
   * @param transports one for each address, best first
   * @param name of the server, for errors
   */
  constructor(transports: readonly HttpTransport[], name: string, clock: Clock, limits: Limits) {
    this.#ways = transports.map((transport) => ({ transport, answeredAt: Number.NEGATIVE_INFINITY, silences: 0 }));
    this.#name = name;
    this.#clock = clock;
    this.#limits = limits;
  }

  async request(request: HttpRequest): Promise<HttpReply> {
    this.#probeIfDue();
    const order = [this.#preferred, ...this.#ways.keys()].filter((way, turn, all) => all.indexOf(way) === turn);
    const turns = isRepeatable(request) ? order : order.slice(0, 1);
    const reasons: string[] = [];
    for (const [turn, index] of turns.entries()) {
      const isLast = turn === turns.length - 1;
      const outcome = await this.#try(index, request, isLast);
      if (outcome.kind === "failed") reasons.push(`address ${index + 1}: ${outcome.reason}`);
      else if (!outcome.isGateway) {
        // Not on the first turn: the preference may have moved on while this request was under way.
        if (turn > 0) this.#stayWith(index);
        return outcome.reply;
      } else if (isLast) return outcome.reply;
      else {
        await discardBody(outcome.reply);
        reasons.push(`address ${index + 1}: HTTP ${outcome.reply.status}`);
      }
    }
    throw this.#unreachable(reasons);
  }

  /** The address that is preferred, alone. */
  warm(isLikely: boolean): void {
    this.#ways[this.#preferred]!.transport.warm?.(isLikely);
  }

  way(): Promise<void> {
    return this.#ways[this.#preferred]!.transport.way?.() ?? Promise.resolve();
  }

  isAway(): boolean {
    return this.#ways.every(({ transport }) => transport.isAway?.() === true);
  }

  /** @param isLast leaves it to the caller how long to wait: there is nothing else to turn to */
  async #try(index: number, request: HttpRequest, isLast: boolean): Promise<Outcome> {
    const way = this.#ways[index]!;
    const began = this.#clock.now();
    const patience = this.#patience(way);
    const isTrusted = began - way.answeredAt < this.#limits.addressTrust;
    const silence = new AbortController();
    const cancel = isLast || isTrusted ? () => {} : this.#clock.after(patience, () => silence.abort());
    try {
      const signal = AbortSignal.any([request.signal, silence.signal]);
      const reply = await way.transport.request({ ...request, signal });
      way.answeredAt = this.#clock.now();
      way.silences = 0;
      return { kind: "reply", reply, isGateway: GATEWAY_STATUSES.includes(reply.status) };
    } catch (error) {
      if (request.signal.aborted) {
        // Whoever gives up after so long has met silence. Others give up sooner, having what they want from elsewhere.
        if (this.#clock.now() - began >= patience) way.answeredAt = Number.NEGATIVE_INFINITY;
        throw error;
      }
      if (silence.signal.aborted) {
        way.silences++;
        return { kind: "failed", reason: `no answer in ${patience / 1000} s` };
      }
      if (isGridError(error, "SERVER_UNREACHABLE")) return { kind: "failed", reason: error.details.reason };
      throw error;
    } finally {
      cancel();
    }
  }

  #patience(way: Way): number {
    return this.#limits.addressPatience * 2 ** Math.min(way.silences, MOST_DOUBLINGS);
  }

  #stayWith(index: number): void {
    if (index === this.#preferred) return;
    this.#preferred = index;
    this.#probe = { at: this.#clock.now() + this.#limits.addressRetry, failures: 0 };
  }

  #probeIfDue(): void {
    if (this.#preferred === 0 || this.#isProbing || this.#clock.now() < (this.#probe?.at ?? 0)) return;
    this.#isProbing = true;
    void this.#probeBetter(this.#preferred).finally(() => {
      this.#isProbing = false;
    });
  }

  /** Never rejects. */
  async #probeBetter(present: number): Promise<void> {
    const better = await this.#firstThatAnswers(present);
    if (this.#preferred !== present) return;
    if (better !== undefined) this.#preferred = better;
    const failures = (this.#probe?.failures ?? 0) + 1;
    const pause = this.#limits.addressRetry * 2 ** Math.min(failures, MOST_DOUBLINGS);
    this.#probe = { at: this.#clock.now() + pause, failures };
  }

  async #firstThatAnswers(end: number): Promise<number | undefined> {
    for (const [index, { transport }] of this.#ways.slice(0, end).entries()) {
      const ask = async (signal: AbortSignal): Promise<number> => {
        const reply = await transport.request({ ...PROBE, signal });
        await discardBody(reply);
        return reply.status;
      };
      try {
        const status = await withDeadline(
          this.#limits.addressPatience,
          this.#clock,
          () => noLongerWanted,
          undefined,
          ask,
        );
        if (!GATEWAY_STATUSES.includes(status)) return index;
      } catch {
        // Still away.
      }
    }
    return undefined;
  }

  #unreachable(reasons: readonly string[]): GridError<"SERVER_UNREACHABLE"> {
    const reason = reasons.join("; ");
    return new GridError(
      "SERVER_UNREACHABLE",
      { server: this.#name, reason },
      `Server ${this.#name} could not be reached: ${reason}.`,
    );
  }
}

/** Small, and without the swissnum: that the server refuses it says enough. */
const PROBE = { method: "GET", path: "/storage/v1/version", headers: { Accept: "application/cbor" } } as const;
