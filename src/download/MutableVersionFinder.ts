import { GridError, type ServerOutcome } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { MutableCap } from "../formats/Cap.ts";
import { type MutableVersion, parseMutableHeader } from "../formats/mutableHeader.ts";
import { HashTree } from "../hashing/HashTree.ts";
import type { Server } from "../servers/Server.ts";
import type { MutableContext } from "./MutableContext.ts";
import { MutableShare } from "./MutableShare.ts";
import { nobodyHasIt } from "./notEnoughShares.ts";
import { readShareRange, withTimeLimit } from "./readShareRange.ts";
import { reasonOf } from "./reasonOf.ts";

/** Shares that say they are of one version, which is proven to be signed. Only reading shows whether they are. */
export interface FoundVersion {
  readonly version: MutableVersion;
  /** With its signed root. */
  readonly shareTree: HashTree;
  /** At least k distinct numbers; of a number perhaps several copies. */
  readonly shares: readonly MutableShare[];
}

/** A share's start holds all that its version is known by, and most directories whole. */
const START_LENGTH = 4_000;
const QUERIES_AT_ONCE = 5;
/** Of one server: more would only be its way to keep a reader busy. */
const MOST_SHARES_OF_SERVER = 20;
/** An error is for people. */
const MOST_OUTCOMES = 300;

const NO_SHARE = "no share";

interface Group {
  readonly version: MutableVersion;
  readonly shares: MutableShare[];
  isSigned: boolean;
}

/**
 * Finds the latest version of a mutable file that can be read.
 *
 * The first k shares found are never enough: a few servers with old shares could take readers back. Servers are asked in the
 * file's order until the first twice k have answered, and on from there while a newer version is seen than the best that can be read.
 */
export class MutableVersionFinder {
  readonly #cap: MutableCap;
  readonly #context: MutableContext;
  readonly #groups = new Map<string, Group>();
  readonly #outcomes: ServerOutcome[] = [];
  readonly #all: boolean;
  #asked = 0;
  #answered = 0;
  #failed = 0;
  /** Whose answers are awaited, by the order in which they were asked; not those that take long. */
  readonly #awaited = new Set<number>();

  /** @param all asks every server, as after a version that turned out to be unreadable */
  constructor(cap: MutableCap, context: MutableContext, all: boolean) {
    this.#cap = cap;
    this.#context = context;
    this.#all = all;
  }

  /** Runs once. @throws GridError NO_VERSION; the signal's reason */
  async find(signal: AbortSignal): Promise<FoundVersion> {
    const stop = new AbortController();
    const own = AbortSignal.any([signal, stop.signal]);
    const { clock, limits } = this.#context;
    // What was found by then has to do, though there may be servers that were not asked.
    const cancel = clock.after(limits.findTimeout, () => stop.abort(noLongerWanted));
    try {
      await this.#ask(own);
    } finally {
      cancel();
      stop.abort(noLongerWanted);
    }
    signal.throwIfAborted();
    const best = this.#best();
    if (best === undefined) throw this.#defeat();
    const shareTree = new HashTree(best.version.total);
    shareTree.setRoot(best.version.root);
    return { version: best.version, shareTree, shares: best.shares };
  }

  /** Asks servers, several at once, until enough is known or all were asked. Hung ones make room after a while. */
  async #ask(signal: AbortSignal): Promise<void> {
    const { servers, clock, limits } = this.#context;
    const toAsk = [...servers.inOrderFor(this.#cap.storageIndex)];
    let unanswered = 0;
    let places = QUERIES_AT_ONCE;
    await new Promise<void>((resolve) => {
      const next = (): void => {
        if (signal.aborted || this.#isEnough() || (toAsk.length === 0 && unanswered === 0)) resolve();
        else while (places > 0 && toAsk.length > 0) start(toAsk.shift() as Server);
      };
      const start = (server: Server): void => {
        unanswered++;
        places--;
        let holdsPlace = true;
        const order = this.#asked++;
        this.#awaited.add(order);
        const giveUpPlace = (): void => {
          if (holdsPlace) places++;
          holdsPlace = false;
          this.#awaited.delete(order);
        };
        const cancel = clock.after(limits.queryOverdue, () => {
          giveUpPlace();
          next();
        });
        void this.#query(server, signal).finally(() => {
          cancel();
          giveUpPlace();
          unanswered--;
          next();
        });
      };
      signal.addEventListener("abort", () => resolve(), { once: true });
      next();
    });
  }

  /** Never rejects: what went wrong becomes the server's outcome. */
  async #query(server: Server, signal: AbortSignal): Promise<void> {
    const { clock, limits, health, storageIndexText } = this.#context;
    try {
      const what = `which shares ${server.name} has`;
      const numbers = await withTimeLimit(limits.queryTimeout, what, clock, signal, (limited) =>
        server.mutableStorage.listShares(storageIndexText, limited),
      );
      if (numbers.length === 0) this.#note(server, NO_SHARE);
      await Promise.all(numbers.slice(0, MOST_SHARES_OF_SERVER).map((number) => this.#look(server, number, signal)));
      if (!signal.aborted) health.of(server).succeeded();
    } catch (error) {
      if (signal.aborted) return;
      this.#failed++;
      health.of(server).failed();
      this.#note(server, reasonOf(error));
    }
    this.#answered++;
  }

  /** Takes a share in, if it is one. */
  async #look(server: Server, number: number, signal: AbortSignal): Promise<void> {
    try {
      const start = await readShareRange(server, number, { offset: 0, length: START_LENGTH }, this.#context, signal);
      const header = parseMutableHeader(start);
      const share = new MutableShare(server, number, header, start, this.#context);
      if (number >= header.version.total) return this.#note(server, `share ${number}: no such share can be`);
      // Not by the offsets, which each share has its own of: they are not signed, and a server that makes up others must not
      // have a group to itself that is taken for the version.
      const name = nameOf(header.signed);
      const group = this.#groups.get(name) ?? { version: header.version, shares: [], isSigned: false };
      // Others of the same group may have come while this one's signature was being checked.
      if (!group.isSigned) await share.checkSignature(this.#cap.fingerprint, signal);
      const present = this.#groups.get(name) ?? group;
      present.isSigned = true;
      present.shares.push(share);
      this.#groups.set(name, present);
    } catch (error) {
      if (!signal.aborted) this.#note(server, `share ${number}: ${reasonOf(error)}`);
    }
  }

  /** Of those that can be read, the one with the highest sequence number; of equals, the one with the larger root. */
  #best(): Group | undefined {
    return [...this.#groups.values()].filter(isRecoverable).sort(newestFirst)[0];
  }

  #isEnough(): boolean {
    if (this.#all) return false;
    const best = this.#best();
    const [newest] = [...this.#groups.values()].sort(newestFirst);
    if (best === undefined || newest === undefined || best.version.sequence < newest.version.sequence) {
      return false;
    }
    const enough = 2 * best.version.needed;
    return this.#answered >= enough && [...this.#awaited].every((order) => order >= enough);
  }

  #note(server: Server, outcome: string): void {
    if (this.#outcomes.length < MOST_OUTCOMES) this.#outcomes.push({ server: server.name, outcome });
  }

  #defeat(): GridError<"NO_VERSION"> {
    const versions = [...this.#groups.values()].map(({ version, shares }) => {
      const numbers = new Set(shares.map(({ number }) => number));
      return `version ${version.sequence}: ${numbers.size} of the ${version.needed} shares that it needs`;
    });
    const servers = this.#context.servers.known().length;
    const silent = servers - (this.#answered - this.#failed);
    const what = `No version of this mutable file can be read: ${versions.join("; ") || "no share of it was found"}`;
    const message =
      versions.length === 0 && silent === 0 && !this.#outcomes.some(({ outcome }) => outcome !== NO_SHARE)
        ? nobodyHasIt(servers)
        : silent === 0
          ? `${what}. All ${servers} servers of this grid have answered.`
          : `${what}, and ${silent} of this grid's ${servers} servers did not answer. Try again later, when more of them can be reached.`;
    return new GridError("NO_VERSION", { versions, servers: this.#outcomes }, message);
  }
}

function isRecoverable({ version, shares }: Group): boolean {
  return new Set(shares.map(({ number }) => number)).size >= version.needed;
}

function newestFirst(a: Group, b: Group): number {
  const [left, right] = [a.version, b.version];
  if (left.sequence !== right.sequence) return left.sequence > right.sequence ? -1 : 1;
  return compareBytes(right.root, left.root);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}

function nameOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
