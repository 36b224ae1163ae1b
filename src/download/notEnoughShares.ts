import { GridError, type ServerOutcome } from "../base/GridError.ts";
import type { ShareFinder } from "./ShareFinder.ts";
import type { SharePool } from "./SharePool.ts";

/** Servers may claim 256 shares each. An error is for people, and travels in messages. */
const MOST_OUTCOMES = 300;

/** The error with which a read gives up: how many shares were found, and what became of each share and server. */
export function notEnoughShares(needed: number, pool: SharePool, finder: ShareFinder): GridError<"NOT_ENOUGH_SHARES"> {
  const outcomes: ServerOutcome[] = [
    ...pool.outcomes(),
    ...[...finder.outcomes()].map(([server, outcome]) => ({ server: server.name, outcome })),
  ];
  const servers = outcomes.slice(0, MOST_OUTCOMES);
  const untold = outcomes.length - servers.length;
  if (untold > 0) servers.push({ server: "others", outcome: `${untold} more shares and servers` });
  const { found } = pool;
  const what =
    found < needed
      ? `${found} of the ${needed} shares that are needed were found.`
      : `${found} shares were found, ${needed} are needed, and too few of them could be used.`;
  return new GridError(
    "NOT_ENOUGH_SHARES",
    { needed, found, servers },
    `${what} Try again later, when more of the file's servers can be reached.`,
  );
}
