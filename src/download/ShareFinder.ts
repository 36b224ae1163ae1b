import { GridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { reasonOf } from "./reasonOf.ts";

/** How a server's share query went, or goes. */
interface Query {
  readonly began: number;
  /** When the way to the server was open, so far as it is shared with others; undefined before. */
  openAt: number | undefined;
  readonly controller: AbortController;
  /** Older than the fastest answers suggest: another server is asked beside it. */
  isLate: boolean;
  /** Older than `limits.queryOverdue`: it no longer takes up a place, and whoever needs this server's word in particular goes without. */
  isOverdue: boolean;
}

/** What a download needs of whatever looks for shares. */
export type Finder = Pick<
  ShareFinder,
  "isPromising" | "isExhausted" | "seek" | "pause" | "refresh" | "restart" | "outcomes" | "tally"
>;

/**
 * Asks servers which shares of a file they hold ("do you have block"), many at once, in the file's order but those that did
 * badly last. Hands over all shares of an answer in one delivery, late answers too. It asks no more servers than it takes
 * to find as many shares as are sought.
 */
export class ShareFinder {
  readonly #context: DownloadContext;
  readonly #storageIndex: Uint8Array;
  readonly #deliver: (server: Server, shareNumbers: readonly number[]) => void;
  readonly #changed: () => void;
  #toAsk: Server[] | undefined;
  /** Of the server list that `#toAsk` comes from. */
  #revision = 0;
  readonly #asked = new Set<Server>();
  readonly #queries = new Map<Server, Query>();
  readonly #failures = new Map<Server, string>();
  readonly #empty = new Set<Server>();
  #fastest: number | undefined;
  /** A server has, or had, a share. */
  #isFound = false;
  #sought = 0;
  #postponed: ReadonlySet<Server> = new Set();
  #isGivenUp = false;
  #cancelGiveUp: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;

  /**
   * @param deliver is given a server and all shares that it says it has (one or more), ascending
   * @param changed is called after anything else that may matter: an empty answer, a failure, an end of patience
   */
  constructor(
    context: DownloadContext,
    storageIndex: Uint8Array,
    deliver: (server: Server, shareNumbers: readonly number[]) => void,
    changed: () => void,
  ) {
    this.#context = context;
    this.#storageIndex = storageIndex;
    this.#deliver = deliver;
    this.#changed = changed;
  }

  /** No more shares, ever, unless it is restarted: every server was asked, and no answer, however late, is awaited. */
  get isExhausted(): boolean {
    if (this.#hasListChanged) return false;
    return this.#isGivenUp || (this.#toAsk?.length === 0 && this.#queries.size === 0);
  }

  /** Is an answer to be expected so soon that it is worth waiting for? */
  get isPromising(): boolean {
    if (this.#isGivenUp) return false;
    for (const query of this.#queries.values()) if (!query.isLate) return true;
    return false;
  }

  /** The servers that were asked, in this order. */
  get asked(): readonly Server[] {
    return [...this.#asked];
  }

  /** How many of them have answered, or failed to. */
  get answered(): number {
    return this.#asked.size - this.#queries.size;
  }

  /** Is its answer still worth waiting for? */
  isAwaited(server: Server): boolean {
    return this.#queries.get(server)?.isOverdue === false;
  }

  /** Says how many distinct shares, beyond those delivered, are sought now. Queries go out at once. */
  seek(count: number): void {
    this.#sought = count;
    if (count > 0) this.#followList();
    if (count === 0) this.#stopGivingUp();
    else if (!this.#isGivenUp) this.#ask();
  }

  /** Stops all work; servers that have not answered will be asked again. */
  pause(): void {
    this.#sought = 0;
    this.#stopTimers();
    const unanswered = [...this.#queries];
    this.#queries.clear();
    for (const [server, { began, controller, isLate }] of unanswered) {
      if (isLate) this.#context.away?.silent(server, began);
      controller.abort(noLongerWanted);
      this.#asked.delete(server);
    }
    // Those that were slow to answer are asked last next time: the shares sought may be had without them.
    const prompt = unanswered.filter(([, { isLate }]) => !isLate).map(([server]) => server);
    const late = unanswered.filter(([, { isLate }]) => isLate).map(([server]) => server);
    if (this.#toAsk) this.#toAsk = [...prompt, ...this.#toAsk, ...late];
  }

  /** For a new reader: if all servers were asked, and some failed, they may be back. */
  refresh(): void {
    this.#followList();
    if (this.isExhausted && this.#failures.size > 0) this.restart();
  }

  /** Forgets all answers and takes the server list anew. */
  restart(): void {
    this.pause();
    this.#toAsk = undefined;
    this.#asked.clear();
    this.#failures.clear();
    this.#empty.clear();
    this.#isGivenUp = false;
  }

  /** These are asked after others: what they have is remembered, and what is sought now is shares to spare. */
  postpone(servers: Iterable<Server>): void {
    this.#postponed = new Set(servers);
    this.#isFound ||= this.#postponed.size > 0;
  }

  /** What became of each server that gave no share, in words. */
  outcomes(): Map<Server, string> {
    const outcomes = new Map(this.#failures);
    for (const server of this.#empty) outcomes.set(server, "no share");
    for (const server of this.#queries.keys()) outcomes.set(server, "overdue: it has not said which shares it has");
    for (const server of this.#toAsk ?? []) outcomes.set(server, "not asked");
    return outcomes;
  }

  /** Of all servers that there are, those that have not said which shares they have. */
  get tally(): { readonly servers: number; readonly silent: number } {
    const unasked = this.#toAsk?.length ?? 0;
    return {
      servers: this.#asked.size + unasked,
      silent: this.#failures.size + this.#queries.size + unasked,
    };
  }

  get #hasListChanged(): boolean {
    return this.#toAsk !== undefined && this.#context.servers.revision !== this.#revision;
  }

  /** Servers that have come into the list are asked too, those that have left it no more. Answers stay. */
  #followList(): void {
    if (!this.#hasListChanged) return;
    const listed = this.#listed();
    const stay = new Set(listed);
    for (const gone of this.#asked) {
      if (stay.has(gone)) continue;
      // Should it come back, it is asked anew.
      this.#asked.delete(gone);
      this.#failures.delete(gone);
      this.#empty.delete(gone);
    }
    this.#toAsk = listed.filter((server) => !this.#asked.has(server));
    this.#isGivenUp = false;
  }

  /** The file's servers, those last that have done badly of late or are postponed. */
  #listed(): Server[] {
    const { health, servers } = this.#context;
    this.#revision = servers.revision;
    const inOrder = servers.inOrderFor(this.#storageIndex);
    const distrust = (server: Server): number =>
      (health.of(server).isOnProbation ? 2 : 0) + (this.#postponed.has(server) ? 1 : 0);
    return inOrder.toSorted((a, b) => distrust(a) - distrust(b));
  }

  #ask(): void {
    const { clock, limits } = this.#context;
    this.#toAsk ??= this.#listed();
    this.#cancelGiveUp ??= clock.after(limits.findTimeout, () => this.#giveUp());
    while (this.#toAsk.length > 0 && this.#hasRoom()) this.#query(this.#next(this.#toAsk));
    this.#tickLater();
  }

  /** Takes the first that is not known to be away by now: what relays say of that may have come meanwhile. */
  #next(toAsk: Server[]): Server {
    const { away } = this.#context;
    const isThere = (server: Server): boolean => !away?.has(server) && !server.isAway?.();
    const index = away === undefined ? 0 : Math.max(0, toAsk.findIndex(isThere));
    return toAsk.splice(index, 1)[0] as Server;
  }

  #hasRoom(): boolean {
    let prompt = 0;
    let counted = 0;
    for (const query of this.#queries.values()) {
      if (!query.isLate) prompt++;
      // One that is late takes up a place only while there is no answer to compare with.
      if (this.#fastest === undefined ? !query.isOverdue : !query.isLate) counted++;
    }
    const { failuresForAnother, queriesAtOnce } = this.#context.limits;
    // Where many fail, the next one will hardly do better.
    const wanted = this.#sought + Math.min(this.#failures.size / failuresForAnother, this.#sought);
    return prompt < wanted && counted < Math.max(queriesAtOnce, this.#sought);
  }

  #query(server: Server): void {
    const query: Query = {
      began: this.#context.clock.now(),
      openAt: undefined,
      controller: new AbortController(),
      isLate: false,
      isOverdue: false,
    };
    this.#queries.set(server, query);
    this.#asked.add(server);
    const way = server.way?.();
    if (way === undefined) query.openAt = query.began;
    void way?.then(() => {
      query.openAt = this.#context.clock.now();
      this.#tickLater();
    });
    void this.#run(server, query);
  }

  /** Never rejects. */
  async #run(server: Server, query: Query): Promise<void> {
    const { away, clock, health, scope, storageIndexText, storageOf } = this.#context;
    const { signal } = query.controller;
    const log = scope.child("query");
    log.log("debug", "start", () => ({ server: server.name }));
    let shareNumbers: number[] = [];
    let failure: unknown;
    try {
      shareNumbers = await storageOf(server).listShares(storageIndexText, signal);
      signal.throwIfAborted();
    } catch (error) {
      failure = signal.aborted ? signal.reason : error;
    }
    // Paused or restarted meanwhile: this answer belongs to nobody.
    if (this.#queries.get(server) !== query) {
      log.log("debug", "cancelled");
      return;
    }
    this.#queries.delete(server);
    const took = clock.now() - (query.openAt ?? query.began);
    if (failure === undefined) {
      log.log("debug", "done", () => ({ shares: shareNumbers.join(","), ms: took }));
      this.#fastest = Math.min(this.#fastest ?? took, took);
      health.of(server).sawLatency(took);
      away?.answered(server, query.began);
    } else {
      log.log("info", "failed", () => ({ reason: reasonOf(failure), ms: took }));
      health.of(server).failed();
      away?.failed(server);
      this.#failures.set(server, `share query: ${reasonOf(failure)}`);
    }
    if (shareNumbers.length > 0) {
      this.#isFound = true;
      this.#stopGivingUp(); // a new share: whoever seeks more starts the wait anew
      this.#deliver(server, shareNumbers);
    } else {
      if (failure === undefined) this.#empty.add(server);
      this.#changed();
    }
  }

  /** Notices, at the right moment, the queries that become late or overdue. */
  #tickLater(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    const { clock, limits } = this.#context;
    let next = Number.POSITIVE_INFINITY;
    for (const [server, query] of this.#queries) {
      if (!query.isLate) next = Math.min(next, this.#lateAt(query));
      if (!query.isOverdue) next = Math.min(next, query.began + limits.queryOverdue);
      if (!query.controller.signal.aborted) next = Math.min(next, query.began + this.#limitOf(server));
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#cancelTick = clock.after(Math.max(0, next - clock.now()), () => {
      const now = clock.now();
      for (const [server, query] of this.#queries) {
        query.isLate ||= now >= this.#lateAt(query);
        query.isOverdue ||= now >= query.began + limits.queryOverdue;
        const limit = this.#limitOf(server);
        if (now >= query.began + limit) query.controller.abort(timedOut(server, limit));
      }
      this.#changed();
      if (this.#sought > 0) this.#ask();
      else this.#tickLater();
    });
  }

  /**
   * Milliseconds that its answer may take. Where the file seems to be lost, servers that never answered anything are hardly the ones that have
   * it: an uploader gives each server one share, as long as there are servers.
   */
  #limitOf(server: Server): number {
    const { health, limits } = this.#context;
    const isLost = !this.#isFound && this.#empty.size >= limits.lostAnswers;
    return isLost && !health.of(server).hasAnswered
      ? Math.min(limits.queryTimeout, limits.lostQueryTimeout + (this.#fastest as number))
      : limits.queryTimeout;
  }

  /** Nobody is late while the way is being opened. To greet a server, and ask it, takes no longer than that did. */
  #lateAt({ began, openAt }: Query): number {
    const { queryOverdue, queryPatience } = this.#context.limits;
    const overdue = began + queryOverdue;
    if (openAt === undefined) return overdue;
    const patience = this.#fastest === undefined ? Math.max(queryPatience, openAt - began) : 3 * this.#fastest + 50;
    return Math.min(overdue, openAt + patience);
  }

  #giveUp(): void {
    for (const server of this.#queries.keys()) this.#failures.set(server, "share query: overdue, given up");
    const asked = [...this.#queries.keys()];
    this.pause();
    this.#toAsk = this.#toAsk?.filter((server) => !asked.includes(server));
    this.#isGivenUp = true;
    this.#changed();
  }

  #stopGivingUp(): void {
    this.#cancelGiveUp?.();
    this.#cancelGiveUp = undefined;
  }

  #stopTimers(): void {
    this.#stopGivingUp();
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }
}

function timedOut(server: Server, ms: number): GridError<"SERVER_UNREACHABLE"> {
  const reason = `no answer in ${ms / 1000} s`;
  return new GridError("SERVER_UNREACHABLE", { server: server.name, reason }, `${server.name} gave ${reason}.`);
}
