import type { Clock } from "../base/Clock.ts";
import type { EventLog, LogEvent } from "../base/EventLog.ts";

/** What is known so far of one answer, in the clock's milliseconds. */
interface Account {
  readonly begun: number;
  /** Scopes of its work. */
  readonly scopes: Set<number>;
  /** What it reads from. */
  node: number | undefined;
  opened?: number;
  found?: number;
  proven?: number;
  decoded?: number;
  queries: number;
  requests: number;
}

/**
 * What the log says of each answer until it has its first bytes, as a Server-Timing header. A segment that another answer has asked for already is
 * in that one's account.
 *
 * @see https://www.w3.org/TR/server-timing/
 */
export class ServerTimings {
  readonly #clock: Clock;
  /** By the answer's scope. */
  readonly #accounts = new Map<number, Account>();
  /** By each scope of its work. */
  readonly #ownerOf = new Map<number, Account>();

  constructor(log: EventLog, clock: Clock) {
    this.#clock = clock;
    log.listen((event) => this.#hear(event));
  }

  /**
   * An answer is begun.
   * @param scope the log's number of it
   * @returns what to call when there is an answer: it gives the header's value
   */
  begin(scope: number): () => string {
    const account: Account = { begun: this.#clock.now(), scopes: new Set(), node: undefined, queries: 0, requests: 0 };
    this.#accounts.set(scope, account);
    return () => {
      this.#accounts.delete(scope);
      for (const each of account.scopes) this.#ownerOf.delete(each);
      return textOf(account, this.#clock.now());
    };
  }

  #hear({ kind, at, scope, parent, fields }: LogEvent): void {
    if (kind === "query.start") {
      for (const account of this.#accounts.values()) if (account.node === parent) account.queries++;
      return;
    }
    const asker = kind === "read.start" ? this.#accounts.get(Number(fields.asker)) : undefined;
    const account = asker ?? this.#ownerOf.get(scope) ?? (parent === undefined ? undefined : this.#ownerOf.get(parent));
    if (account === undefined) return;
    account.scopes.add(scope);
    this.#ownerOf.set(scope, account);
    if (kind === "read.start") {
      account.node = parent;
      account.opened ??= at;
    }
    if (kind === "share.start") account.found ??= at;
    if (kind === "opening.done") account.proven ??= at;
    if (kind === "segment.done") account.decoded ??= at;
    if (kind === "request.start") account.requests++;
  }
}

/** The steps in their order, each from the one before that there was. */
function textOf({ begun, opened, found, proven, decoded, queries, requests }: Account, now: number): string {
  const steps: string[] = [];
  let before = begun;
  for (const [name, at] of [
    ["open", opened],
    ["find", found],
    ["proof", proven],
    ["segment", decoded],
  ] as const) {
    if (at === undefined) continue;
    steps.push(`${name};dur=${Math.max(0, at - before).toFixed(1)}`);
    before = Math.max(before, at);
  }
  steps.push(`total;dur=${(now - begun).toFixed(1)}`, `queries;desc="${queries}"`, `requests;desc="${requests}"`);
  return steps.join(", ");
}
