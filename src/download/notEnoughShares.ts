import { badHash } from "../base/badHash.ts";
import { GridError, type ServerOutcome } from "../base/GridError.ts";
import type { Share } from "./Share.ts";
import type { Finder } from "./ShareFinder.ts";
import type { SharePool } from "./SharePool.ts";

/** Servers may claim 256 shares each. An error is for people, and travels in messages. */
const MOST_OUTCOMES = 300;

/** The error with which a read gives up: how many shares were found, and what became of each share and server. */
export function notEnoughShares(
  needed: number,
  pool: SharePool<Share>,
  finder: Finder,
): GridError<"NOT_ENOUGH_SHARES"> {
  const outcomes: ServerOutcome[] = [
    ...pool.outcomes(),
    ...[...finder.outcomes()].map(([server, outcome]) => ({ server: server.name, outcome })),
  ];
  const servers = outcomes.slice(0, MOST_OUTCOMES);
  const untold = outcomes.length - servers.length;
  if (untold > 0) servers.push({ server: "others", outcome: `${untold} more shares and servers` });
  const { found } = pool;
  const failures = pool.outcomes().filter(({ outcome }) => !outcome.endsWith("no failure"));
  const isOtherFile = failures.length > 0 && failures.every(({ outcome }) => outcome.endsWith(WRONG_UEB));
  return new GridError(
    "NOT_ENOUGH_SHARES",
    { needed, found, servers },
    found >= needed && isOtherFile
      ? `${found} shares were found, and ${NOT_THEIRS}`
      : whyTooFew(needed, found, finder.tally),
  );
}

/** What a share's own outcome says where its file is not the cap's. */
const WRONG_UEB = badHash("the UEB").message;
const NOT_THEIRS =
  "they are of another file than the one that the cap names. Is a letter wrong in the cap's second field, after the key?";

function whyTooFew(needed: number, found: number, { servers, silent }: Finder["tally"]): string {
  if (found >= needed)
    return `${found} shares were found, ${needed} are needed, and too few of them could be used. ${LATER}`;
  if (found === 0 && silent === 0) return nobodyHasIt(servers);
  const what = `${found} of the ${needed} shares that are needed were found`;
  if (silent === 0)
    return `${what}, and all ${servers} servers of this grid have answered: the other shares are lost, or on servers that are not in its list.`;
  return `${what}, and ${silent} of this grid's ${servers} servers did not answer. ${LATER}`;
}

const LATER = "Try again later, when more of the file's servers can be reached.";

/** Nothing to wait for. @param servers so many, all of which have answered */
export function nobodyHasIt(servers: number): string {
  if (servers === 0) return "There is no server in this grid's list.";
  return `All ${servers} servers of this grid have answered, and none has such a file. Is the cap complete, right in each letter, and of this grid?`;
}
