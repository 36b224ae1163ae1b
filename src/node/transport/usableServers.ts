import { GridError, isGridError } from "../../base/GridError.ts";
import type { ServerConfig } from "../../base/gridConfig.ts";
import { parseServerConfig } from "../../servers/parseGridConfig.ts";
import { type Nurl, parseNurl } from "../../servers/parseNurl.ts";
import { type Announcement, type ListRemark, readAnnouncements } from "./readAnnouncements.ts";
import type { ListSource } from "./readListText.ts";

/** A server of a list that can be used. */
export interface UsableServer {
  readonly announcement: Announcement;
  /** The server as a grid's configuration has it: all of it is checked. */
  readonly config: ServerConfig;
  /** Its ways over TLS, one or more; none where it has a `url`, as a development grid's. */
  readonly nurls: readonly Nurl[];
}

/** The servers of a list, and what its owner should know. */
export interface UsableServers {
  readonly servers: readonly UsableServer[];
  readonly unusable: readonly ListRemark[];
  /** Servers that are used all the same, by name, and what is odd about them. Without a full stop. */
  readonly doubts: readonly ListRemark[];
}

/**
 * Reads a list (see readAnnouncements), of which some entries may be of no use, or all.
 *
 * @throws GridError BAD_CONFIG if it cannot be read or is no list; the signal's reason
 */
export async function readUsableServers(path: string, source?: ListSource): Promise<UsableServers> {
  const { announcements, unusable } = await readAnnouncements(path, source);
  const usable = usableServers(announcements);
  return { ...usable, unusable: [...unusable, ...usable.unusable] };
}

/** Which of a list's servers can be used. Each is judged by itself. */
export function usableServers(announcements: readonly Announcement[]): UsableServers {
  const servers: UsableServer[] = [];
  const unusable: ListRemark[] = [];
  const doubts: ListRemark[] = [];
  for (const announcement of announcements) {
    const { name } = announcement;
    try {
      const { server, doubt } = usableServer(announcement);
      servers.push(server);
      if (doubt !== undefined) doubts.push({ name, reason: doubt });
    } catch (error) {
      if (!isGridError(error, "BAD_CONFIG")) throw error;
      unusable.push({ name, reason: error.details.reason });
    }
  }
  return { servers, unusable, doubts: [...doubts, ...sharedKeys(servers)] };
}

/** Why a list is of no use, with each of its entries' reasons. */
export function noServer(unusable: readonly ListRemark[]): string {
  return `no server of it can be used (${unusable.map(({ name, reason }) => `${name}: ${reason}`).join("; ")})`;
}

/** @param reason why a server of a list cannot be used */
function unusableServer(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The server cannot be used: ${reason}.`);
}

function usableServer(announcement: Announcement): { server: UsableServer; doubt?: string } {
  const { id, nickname, permutationSeed: seed, url } = announcement;
  const { texts, nurls, doubt } = url === undefined ? waysOf(announcement) : { texts: [], nurls: [] };
  const config = parseServerConfig(
    {
      id,
      nickname,
      "permutation-seed-base32": seed,
      addresses: url === undefined ? texts.map((nurl) => ({ nurl })) : [{ url }],
    },
    "its entry",
  );
  return { server: { announcement, config, nurls }, ...(doubt !== undefined && { doubt }) };
}

interface Ways {
  readonly texts: readonly string[];
  readonly nurls: readonly Nurl[];
  readonly doubt?: string;
}

/**
 * The NURLs that can be used. Those of other networks (`pb+tor://…`) are passed over without a word, since a server announces
 * them beside the others.
 *
 * @throws GridError BAD_CONFIG where there is none
 */
function waysOf({ nurls: all, hasFurl, whyNoNurl }: Announcement): Ways {
  const plain = all.filter((nurl) => !/^pb\+\w+:\/\//.test(nurl));
  const read = plain.map((text) => ({ text, nurl: nurlIn(text) }));
  const good = read.flatMap(({ text, nurl }) => ("tlsId" in nurl ? [{ text, nurl }] : []));
  const [bad] = read.flatMap(({ nurl }) => ("wrong" in nurl ? [nurl.wrong] : []));
  if (good.length > 0) {
    return {
      texts: good.map(({ text }) => text),
      nurls: good.map(({ nurl }) => nurl),
      ...(bad !== undefined && { doubt: `one of its NURLs is passed over: ${bad}` }),
    };
  }
  if (bad !== undefined) throw unusableServer(bad);
  if (all.length > 0) throw unusableServer("it is on another network alone (its NURLs are pb+tor:// or the like)");
  throw unusableServer(whyNoNurl ?? (hasFurl ? FOOLSCAP_ONLY : "it has no anonymous-storage-NURLs"));
}

const FOOLSCAP_ONLY =
  "it has a FURL only: Foolscap only, which is all that Tahoe-LAFS before 1.19 or one with force_foolscap speaks, or a NURL that is not in this list";

function nurlIn(text: string): Nurl | { readonly wrong: string } {
  try {
    return parseNurl(text);
  } catch (error) {
    if (!isGridError(error, "BAD_CONFIG")) throw error;
    return {
      wrong: isFurl(text) ? "a FURL is given where a NURL is wanted: FURLs are for Foolscap" : error.details.reason,
    };
  }
}

function isFurl(text: string): boolean {
  return /^pb:\/\/[a-z2-7]{32}@/.test(text);
}

/** Anybody can announce another's key. None of them is believed more than the others, and each stays a server of its own. */
function sharedKeys(servers: readonly UsableServer[]): ListRemark[] {
  const owners = new Map<string, UsableServer[]>();
  for (const server of servers) {
    for (const tlsId of new Set(server.nurls.map((nurl) => nurl.tlsId))) {
      owners.set(tlsId, [...(owners.get(tlsId) ?? []), server]);
    }
  }
  return [...owners.values()].flatMap((sharers) =>
    sharers.slice(1).map((server) => ({
      name: nameOf(server),
      reason: `its NURL names the same TLS key as that of ${nameOf(sharers[0]!)}. One of them is not what it says; \`gridfetch check\` asks both`,
    })),
  );
}

function nameOf({ announcement }: UsableServer): string {
  return announcement.name;
}
