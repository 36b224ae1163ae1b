import { compareBytes } from "../base/bytes.ts";
import { GridError, isServersOwn, type ServerOutcome } from "../base/GridError.ts";
import { inTime, withOwnSignal } from "../base/wait.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { MutableCap } from "../formats/Cap.ts";
import { type MutableHeader, type MutableVersion, parseMutableHeader } from "../formats/mutableHeader.ts";
import { HashTree } from "../hashing/HashTree.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import { MutableShare } from "./MutableShare.ts";
import { nobodyHasIt } from "./notEnoughShares.ts";
import { reasonOf } from "./reasonOf.ts";
import { ShareBytes } from "./ShareBytes.ts";
import { ShareFinder } from "./ShareFinder.ts";

/** Shares that say they are of one version, which is proven to be signed. Only reading shows whether they are. */
export interface FoundVersion {
  readonly version: MutableVersion;
  /** The signed part of their headers, which is all of a version but its content. */
  readonly signed: Uint8Array;
  /** At least k distinct numbers; of a number perhaps several copies. */
  readonly shares: readonly MutableShare[];
}

/** A share's start holds all that its version is known by, and most directories whole. */
const START_LENGTH = 4_000;
const SERVERS_AT_ONCE = 5;
/** Of one server: more would only be its way to keep a reader busy. */
const MOST_SHARES_OF_SERVER = 20;
/** An error is for people. */
const MOST_OUTCOMES = 300;

interface Group extends FoundVersion {
  readonly shares: MutableShare[];
  /** With the root that the version names. */
  readonly shareTree: HashTree;
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
  readonly #context: DownloadContext;
  readonly #finder: ShareFinder;
  readonly #groups = new Map<string, Group>();
  readonly #outcomes: ServerOutcome[] = [];
  readonly #heard: ((share: MutableShare) => void) | undefined;
  /** Servers whose shares are being looked at, and whether that takes long. */
  readonly #looking = new Map<Server, { isOverdue: boolean }>();
  /** Did a server not send a share that it says it has? */
  #hasUnread = false;
  #signal = AbortSignal.abort();
  #done = (): void => {};

  /** @param heard is told of each share as it is found; every server is asked then */
  constructor(cap: MutableCap, context: DownloadContext, heard?: (share: MutableShare) => void) {
    this.#cap = cap;
    this.#context = context;
    this.#heard = heard;
    this.#finder = new ShareFinder(
      context,
      cap.storageIndex,
      (server, numbers) => void this.#lookAll(server, numbers),
      () => this.#step(),
    );
  }

  /** Runs once. @throws GridError NO_VERSION; the signal's reason */
  async find(signal: AbortSignal): Promise<FoundVersion> {
    const { clock, limits } = this.#context;
    return withOwnSignal(signal, async (own) => {
      this.#signal = own;
      const done = new Promise<void>((resolve) => {
        this.#done = resolve;
      });
      try {
        this.#step();
        // What was found by then has to do, though there may be servers that were not asked.
        await inTime(done, limits.findTimeout, clock, () => {}, own);
        const best = this.#best();
        if (best === undefined) throw this.#defeat();
        return best;
      } finally {
        this.#done = () => {};
        this.#finder.pause();
      }
    });
  }

  /** What became of each server that gave no share, in words. */
  outcomes(): Map<Server, string> {
    return this.#finder.outcomes();
  }

  /** Of all servers that there are, those that have not said which shares they have. */
  get tally(): ShareFinder["tally"] {
    return this.#finder.tally;
  }

  /** Would servers that failed make a difference if they came back? */
  get mayRecover(): boolean {
    return this.tally.silent > 0 || this.#hasUnread;
  }

  /** Goes on to the next servers, unless it is over. Hung ones make room after a while. */
  #step(): void {
    if (this.#signal.aborted) return;
    const looking = [...this.#looking.values()].filter(({ isOverdue }) => !isOverdue).length;
    if (this.#isEnough() || (this.#finder.isExhausted && this.#looking.size === 0)) this.#done();
    else this.#finder.seek(Math.max(0, SERVERS_AT_ONCE - looking));
  }

  /** Looks at a server's shares. Never rejects: what went wrong becomes the share's outcome. */
  async #lookAll(server: Server, numbers: readonly number[]): Promise<void> {
    const { clock, limits } = this.#context;
    const look = { isOverdue: false };
    this.#looking.set(server, look);
    const cancel = clock.after(limits.queryOverdue, () => {
      look.isOverdue = true;
      this.#step();
    });
    await Promise.all(numbers.slice(0, MOST_SHARES_OF_SERVER).map((number) => this.#look(server, number)));
    cancel();
    this.#looking.delete(server);
    this.#step();
  }

  /** Takes a share in, if it is one. */
  async #look(server: Server, number: number): Promise<void> {
    // One of its own for each: dozens of listeners on one make Node warn of a leak.
    const signal = AbortSignal.any([this.#signal]);
    try {
      const bytes = new ShareBytes(server, number, this.#context);
      const start = await bytes.readUpTo(0, START_LENGTH, signal, this.#context.scope);
      const header = parseMutableHeader(start);
      if (number >= header.version.total) return this.#note(server, `share ${number}: no such share can be`);
      // Not by the offsets, which each share has its own of: they are not signed, and a server that makes up others must not
      // have a group to itself that is taken for the version.
      const name = encodeBase32(header.signed);
      const group = this.#groups.get(name) ?? groupOf(header);
      const share = new MutableShare(server, number, header, start, group.shareTree, this.#context);
      // Others of the same group may have come while this one's signature was being checked.
      if (!group.isSigned) await share.checkSignature(this.#cap.fingerprint, signal, this.#context.scope);
      const present = this.#groups.get(name) ?? group;
      present.isSigned = true;
      present.shares.push(share);
      this.#groups.set(name, present);
      this.#context.health.of(server).succeeded();
      this.#heard?.(share);
    } catch (error) {
      if (isServersOwn(error)) this.#hasUnread = true;
      if (!signal.aborted) this.#note(server, `share ${number}: ${reasonOf(error)}`);
    }
  }

  /** Of those that can be read, the one with the highest sequence number; of equals, the one with the larger root. */
  #best(): Group | undefined {
    return [...this.#groups.values()].filter(isRecoverable).sort(newestFirst)[0];
  }

  #isEnough(): boolean {
    if (this.#heard) return false;
    const best = this.#best();
    const [newest] = [...this.#groups.values()].sort(newestFirst);
    if (best === undefined || newest === undefined || best.version.sequence < newest.version.sequence) {
      return false;
    }
    const enough = 2 * best.version.needed;
    const isAwaited = (server: Server): boolean =>
      this.#finder.isAwaited(server) || this.#looking.get(server)?.isOverdue === false;
    const { asked, answered } = this.#finder;
    return answered - this.#looking.size >= enough && !asked.slice(0, enough).some(isAwaited);
  }

  #note(server: Server, outcome: string): void {
    if (this.#outcomes.length < MOST_OUTCOMES) this.#outcomes.push({ server: server.name, outcome });
  }

  #defeat(): GridError<"NO_VERSION"> {
    const versions = [...this.#groups.values()].map(({ version, shares }) => {
      const numbers = new Set(shares.map(({ number }) => number));
      return `version ${version.sequence}: ${numbers.size} of the ${version.needed} shares that it needs`;
    });
    const { servers, silent } = this.#finder.tally;
    const what = `No version of this mutable file can be read: ${versions.join("; ") || "no share of it was found"}`;
    const message =
      versions.length === 0 && silent === 0 && this.#outcomes.length === 0
        ? nobodyHasIt(servers)
        : silent === 0
          ? `${what}. All ${servers} servers of this grid have answered.`
          : `${what}, and ${silent} of this grid's ${servers} servers did not answer. Try again later, when more of them can be reached.`;
    for (const [server, outcome] of this.#finder.outcomes()) this.#note(server, outcome);
    return new GridError("NO_VERSION", { versions, servers: this.#outcomes }, message);
  }
}

function groupOf({ version, signed }: MutableHeader): Group {
  const shareTree = new HashTree(version.total);
  shareTree.setRoot(version.root);
  return { version, signed, shareTree, shares: [], isSigned: false };
}

function isRecoverable({ version, shares }: Group): boolean {
  return new Set(shares.map(({ number }) => number)).size >= version.needed;
}

function newestFirst(a: Group, b: Group): number {
  const [left, right] = [a.version, b.version];
  if (left.sequence !== right.sequence) return left.sequence > right.sequence ? -1 : 1;
  return compareBytes(right.root, left.root);
}
