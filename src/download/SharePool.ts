import type { ServerOutcome } from "../base/GridError.ts";
import type { Code } from "../erasure/ErasureCodec.ts";
import { decodeBase32 } from "../formats/base32.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { reasonOf } from "./reasonOf.ts";
import type { Share } from "./Share.ts";

/** What a race has already: the chooser diversifies over servers and never takes a share number twice. */
export interface Taken {
  readonly numbers: Set<number>;
  readonly shares: Set<Share>;
  /** Shares of the race on each server. */
  readonly load: Map<Server, number>;
}

/** A share in use is left for a better one only if that is clearly better: switching costs it its open connection and header. */
const STAY = 0.8;
/** A primary share needs no decoding: worth a little. */
const PRIMARY = 0.95;
/** Where all readers should ask the same servers, those are as good as the k fastest that need no more than so many times as long for a window. */
const LIKE_PACE = 8;

/** All shares that were found of one file, which of them are fit for use, and which is best. */
export class SharePool<S extends Share> {
  readonly #code: Code;
  readonly #context: DownloadContext;
  readonly #shares = new Map<Server, Map<number, S>>();
  /** Why a share is not used, and until when, in the clock's milliseconds. */
  readonly #dead = new Map<S, { reason: string; until: number; deaths: number }>();
  /** Since when, in the clock's milliseconds. */
  readonly #late = new Map<S, number>();
  /** Behind their pace, but not yet outrun by another. */
  readonly #lagging = new Set<S>();
  readonly #badBlocks = new Map<S, Set<number>>();
  /** All of `#shares`, and their numbers, until there is a new one or one fewer. */
  #flat: { readonly shares: readonly S[]; readonly numbers: number } | undefined;
  /** Of the server list, when it was last looked at. */
  #revision = 0;
  /** Each server's place in the file's order, for a revision of the list. */
  #order: { readonly revision: number; readonly places: ReadonlyMap<Server, number> } | undefined;

  constructor(code: Code, context: DownloadContext) {
    this.#code = code;
    this.#context = context;
  }

  /** Takes a share that is said to be on a server. Undefined for one that is no news, or that the file cannot have. */
  add(server: Server, number: number, make: () => S): S | undefined {
    const known = this.#shares.get(server) ?? new Map<number, S>();
    this.#shares.set(server, known);
    const isPossible = number >= 0 && number < this.#code.total;
    if (!isPossible || known.has(number)) return undefined;
    const share = make();
    known.set(number, share);
    this.#flat = undefined;
    return share;
  }

  /**
   * The share failed. Where its bytes were wrong (`isLasting`) it is not used again; otherwise it gets another chance after a
   * pause that doubles each time.
   */
  kill(share: S, error: unknown, isLasting: boolean): void {
    // A race may still have held what was forgotten meanwhile: its successor is another share.
    if (this.#shares.get(share.server)?.get(share.number) !== share) return;
    const { clock, limits } = this.#context;
    const deaths = (this.#dead.get(share)?.deaths ?? 0) + 1;
    const pause = isLasting ? Number.POSITIVE_INFINITY : limits.secondChance * 2 ** (deaths - 1);
    this.#dead.set(share, { reason: reasonOf(error), until: clock.now() + pause, deaths });
    this.#late.delete(share);
    this.#lagging.delete(share);
  }

  /** One of its blocks was corrupt; the share stays in use for others. */
  noteBadBlock(share: S, segment: number): void {
    const blocks = this.#badBlocks.get(share) ?? new Set();
    this.#badBlocks.set(share, blocks.add(segment));
  }

  markLate(share: S): void {
    this.#late.set(share, this.#context.clock.now());
    this.#lagging.delete(share);
  }

  /** Its blocks do not come as they did. That may be over in a moment. */
  markLagging(share: S): void {
    this.#lagging.add(share);
  }

  markPrompt(share: S): void {
    this.#late.delete(share);
    if (!share.isBehind) this.#lagging.delete(share);
  }

  isLagging(share: S): boolean {
    return this.#lagging.has(share);
  }

  /** Was it marked late, not long ago, and has answered nothing to the end since? */
  isLate(share: S): boolean {
    const since = this.#late.get(share);
    if (since === undefined) return false;
    const { clock, limits } = this.#context;
    return (share.lastReply ?? since) <= since && clock.now() - since < limits.secondChance;
  }

  /**
   * Gives every share a new chance: for a read that begins after another failed. What was learned of those that failed is forgotten:
   * where they end and how they are laid out may have been wrong, and another answer of the server's brings them back.
   */
  revive(): void {
    for (const { server, number } of [...this.#dead.keys(), ...this.#badBlocks.keys()]) {
      this.#shares.get(server)?.delete(number);
    }
    this.#flat = undefined;
    this.#dead.clear();
    this.#late.clear();
    this.#lagging.clear();
    this.#badBlocks.clear();
  }

  /** Forgets the shares of servers that have left the list. Only while nobody reads: a share in use stays in use. */
  followList(): void {
    const { servers } = this.#context;
    if (servers.revision === this.#revision) return;
    this.#revision = servers.revision;
    const listed = new Set(servers.known());
    for (const server of this.#shares.keys()) if (!listed.has(server)) this.#shares.delete(server);
    this.#flat = undefined;
  }

  /** Nobody reads the file any more. */
  stop(): void {
    for (const share of this.#all()) share.stop();
  }

  /** Would it do if servers that failed came back? Not where too many shares were wrong; undefined where too few were offered to tell. */
  get mayRecover(): boolean | undefined {
    if (this.found < this.#code.needed) return undefined;
    const standing = this.#all().filter((share) => this.#dead.get(share)?.until !== Number.POSITIVE_INFINITY);
    const hasFailed = standing.some((share) => this.#dead.has(share));
    return hasFailed && new Set(standing.map(({ number }) => number)).size >= this.#code.needed;
  }

  /** How many different share numbers servers have offered. */
  get found(): number {
    return this.#known.numbers;
  }

  /** How many different numbers could be read without waiting for a late server. */
  get prompt(): number {
    if (this.#dead.size === 0 && this.#late.size === 0) return this.found;
    return new Set(this.usable().flatMap((share) => (this.isLate(share) ? [] : [share.number]))).size;
  }

  /** Did it fail, and is its next chance not due yet? */
  isDead(share: S): boolean {
    // Asked dozens of times for each segment, of shares that nearly all live: the clock costs more than the look.
    const dead = this.#dead.get(share);
    return dead !== undefined && this.#context.clock.now() < dead.until;
  }

  usable(): readonly S[] {
    return this.#dead.size === 0 ? this.#all() : this.#all().filter((share) => !this.isDead(share));
  }

  /**
   * The shares that a race may start, best first: servers on probation and late shares last, then servers that have fewest shares
   * in the race, then the least expected time. They are ranked once; `taken` is looked at before each, so the race notes there
   * what it starts.
   * @param bytes length of what will be read
   */
  *choose(taken: Taken, bytes: number): Generator<S, undefined> {
    for (const equallyTrusted of this.#ranked(taken, bytes)) {
      let shares = equallyTrusted;
      for (let most = 0; shares.length > 0; most++) {
        const later: S[] = [];
        for (const share of shares) {
          if (taken.numbers.has(share.number)) continue;
          if ((taken.load.get(share.server) ?? 0) > most) later.push(share);
          else yield share;
        }
        shares = later;
      }
    }
    return undefined;
  }

  /** The shares that are not taken, by how little they are distrusted, each group by expected time. */
  #ranked(taken: Taken, bytes: number): S[][] {
    const { health } = this.#context;
    const groups: { share: S; cost: number }[][] = [];
    const costOfCached = this.#costOfCached();
    for (const share of this.usable()) {
      if (taken.shares.has(share)) continue;
      const distrust = (health.of(share.server).isOnProbation ? 1 : 0) + (this.isLate(share) ? 1 : 0);
      const cost =
        costOfCached?.(share) ??
        this.#expected(share, bytes) * (share.isInUse ? STAY : 1) * (share.number < this.#code.needed ? PRIMARY : 1);
      const group = groups[distrust] ?? [];
      groups[distrust] = group;
      group.push({ share, cost });
    }
    return groups.flatMap((group) => [group.sort((a, b) => a.cost - b.cost).map(({ share }) => share)]);
  }

  /**
   * What a shared cache keeps is of use to others if all ask for the same shares: behind one, servers of like pace are taken in the file's
   * order. Undefined where there is no cache; the cost is undefined for a share whose first bytes are on their way already.
   */
  #costOfCached(): ((share: Share) => number | undefined) | undefined {
    const { health, limits, servers, storageIndexText, storageOf } = this.#context;
    const isCached = (share: Share): boolean => storageOf(share.server).isCached === true;
    const cached = this.usable().filter(isCached);
    if (cached.length === 0) return undefined;
    // Of what a reader asks for at most: a block says little of how fast a server is.
    const expected = ({ server }: Share): number =>
      health.expected(server, limits.windowMost / this.#code.needed, "steadyBytesPerMs");
    const times = cached.map(expected).sort((a, b) => a - b);
    const least = times[Math.min(this.#code.needed, times.length) - 1] ?? 0;
    if (this.#order?.revision !== servers.revision) {
      const places = new Map(
        servers.inOrderFor(decodeBase32(storageIndexText)).map((server, place) => [server, place]),
      );
      this.#order = { revision: servers.revision, places };
    }
    const { places } = this.#order;
    return (share) => {
      if (!isCached(share) || share.speculation !== undefined) return undefined;
      const cost = expected(share);
      if (cost > LIKE_PACE * least + limits.leastPatience) return cost;
      return least * (1 + (places.get(share.server) ?? places.size) / 1000);
    };
  }

  /** Milliseconds until the share has brought so many bytes. What was asked for on a guess is here, or will be in what is left of its time. */
  #expected(share: S, bytes: number): number {
    const { clock, health } = this.#context;
    const expected = health.expected(share.server, share.queuedBytes + bytes);
    const { speculation } = share;
    if (speculation === undefined || this.#late.has(share)) return expected;
    const all = Math.max(bytes, speculation.bytes);
    const waited = clock.now() - speculation.at;
    if (!share.isOpen && waited > health.patience(share.server, all)) return expected;
    return Math.min(expected, Math.max(0, health.expected(share.server, share.queuedBytes + all) - waited));
  }

  /** What became of each share, for people. */
  outcomes(): ServerOutcome[] {
    return this.#all().map((share) => ({
      server: share.server.name,
      outcome: `share ${share.number}: ${this.#outcome(share)}`,
    }));
  }

  #outcome(share: S): string {
    const death = this.#dead.get(share);
    if (death) return death.reason;
    const bad = this.#badBlocks.get(share);
    if (bad) return `corrupt at segment ${[...bad].slice(0, 4).join(", ")}`;
    return this.isLate(share) ? "overdue" : "no failure";
  }

  #all(): readonly S[] {
    return this.#known.shares;
  }

  get #known() {
    if (this.#flat === undefined) {
      const shares = [...this.#shares.values()].flatMap((ofServer) => [...ofServer.values()]);
      this.#flat = { shares, numbers: new Set(shares.map(({ number }) => number)).size };
    }
    return this.#flat;
  }
}
