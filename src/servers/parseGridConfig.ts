import { GridError } from "../base/GridError.ts";
import type { AddressConfig, GridConfig, ServerConfig, ServerSecrets } from "../base/gridConfig.ts";
import { visibleText } from "../base/visibleText.ts";
import { decodeBase32 } from "../formats/base32.ts";
import { parseNurl } from "./parseNurl.ts";

/** A grid of a thousand servers would be the largest ever seen. */
const MOST_SERVERS = 10_000;
const MOST_GRIDS = 100;
const MOST_ADDRESSES = 16;
const LONGEST_NAME = 200;

const SWISSNUM_RULE = "1 to 200 printable ASCII characters without spaces";
const URL_RULE = "an http or https URL without user, password, query or fragment";
const RELAY_RULE = "a ws or wss URL without user, password, query or fragment";
const NURL_RULE =
  "of the form pb://<43 characters of tls id>@<host>:<port>/<swissnum>#v=1 (the swissnum may be missing)";

/**
 * Checks a parsed JSON document, and gives its grids: one or more, the default one first. What it does not know in the
 * document is left out.
 *
 * @throws GridError BAD_CONFIG that names the entry and the field, and never a swissnum or an address
 */
export function parseGridConfig(document: unknown): readonly [GridConfig, ...GridConfig[]] {
  if (!isRecord(document) || Array.isArray(document.servers) === Array.isArray(document.grids)) {
    throw badConfig('it must be an object with a list "servers", or with a list "grids" of such objects');
  }
  if (!Array.isArray(document.grids)) return [parseGrid(document, "")];
  const entries: readonly unknown[] = document.grids;
  if (entries.length === 0 || entries.length > MOST_GRIDS) {
    throw badConfig(`"grids" must list 1 to ${MOST_GRIDS} grids, not ${entries.length}`);
  }
  const [first, ...others] = entries.map((entry, index) => parseNamedGrid(entry, `grids[${index}]`));
  const grids = [first!, ...others] as const;
  refuseRepeated(grids, ({ name }) => name, "grids", "name");
  return [...grids];
}

/**
 * Checks swissnums that a page gives.
 *
 * @throws GridError BAD_CONFIG that names the server
 */
export function parseServerSecrets(value: unknown): ServerSecrets {
  if (!isRecord(value)) throw badConfig("secrets must be an object with a swissnum for each server id");
  const secrets = Object.entries(value).map(([id, swissnum]) => {
    if (!isId(id)) throw badConfig("secrets are named by server ids");
    if (typeof swissnum !== "string" || !isSwissnum(swissnum)) {
      throw badConfig(`the secret of server ${id} must be ${SWISSNUM_RULE}`);
    }
    return [id, swissnum];
  });
  // Unlike an assignment this makes an entry of every id, of `__proto__` too.
  return Object.fromEntries(secrets);
}

/** Is this the root of a server as `fetchTransport` takes it? `fetch` refuses URLs with a password in them. */
export function isServerUrl(text: string): boolean {
  return isPlainUrl(text, /^https?:$/);
}

function parseNamedGrid(entry: unknown, at: string): GridConfig {
  if (!isRecord(entry)) throw badConfig(`${at} must be an object`);
  if (entry.name === undefined) throw badConfig(`${at} has no "name"`);
  if (!Array.isArray(entry.servers)) throw badConfig(`${at} must have a list "servers"`);
  return parseGrid(entry, `${at}.`);
}

function parseGrid(entry: Record<string, unknown>, at: string): GridConfig {
  const name = textField(entry, "name", at, `1 to ${LONGEST_NAME} characters, and none that is not seen`, isGridName);
  const list = entry.servers as readonly unknown[];
  if (list.length === 0 || list.length > MOST_SERVERS) {
    throw badConfig(`"${at}servers" must list 1 to ${MOST_SERVERS} servers, not ${list.length}`);
  }
  const servers = list.map((server, index) => parseServerConfig(server, `${at}servers[${index}]`));
  refuseRepeated(servers, ({ id }) => id, `${at}servers`, "id");
  return { ...(name !== undefined && { name }), servers };
}

/**
 * Checks one server of a configuration.
 *
 * @param at which entry it is, for the error
 * @throws GridError BAD_CONFIG
 */
export function parseServerConfig(entry: unknown, at: string): ServerConfig {
  if (!isRecord(entry)) throw badConfig(`${at} must be an object`);
  const field = (key: string, rule: string, holds: (text: string) => boolean) =>
    textField(entry, key, `${at}: `, rule, holds);
  const id = field("id", "1 to 200 printable ASCII characters", isId);
  if (id === undefined) throw badConfig(`${at} has no "id"`);
  const nickname = field("nickname", "a text of at most 200 characters", (text) => text.length <= LONGEST_NAME);
  const seed = field("permutation-seed-base32", "lower-case base32", isBase32);
  const swissnum = field("swissnum", SWISSNUM_RULE, isSwissnum);
  const { addresses: list } = entry;
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_ADDRESSES) {
    throw badConfig(`${at} must have a list "addresses" of 1 to ${MOST_ADDRESSES} addresses`);
  }
  const addresses = list.map((address: unknown, index) => parseAddress(address, `${at}.addresses[${index}]`));
  refuseSecondSwissnum(addresses, swissnum, at);
  return {
    id,
    ...(nickname !== undefined && { nickname }),
    ...(seed !== undefined && { "permutation-seed-base32": seed }),
    addresses,
    ...(swissnum !== undefined && { swissnum }),
  };
}

function parseAddress(entry: unknown, at: string): AddressConfig {
  if (!isRecord(entry) || (entry.url === undefined) === (entry.nurl === undefined)) {
    throw badConfig(`${at} must be an object with either a "url" or a "nurl"`);
  }
  const url = textField(entry, "url", `${at}: `, URL_RULE, isServerUrl);
  const nurl = textField(entry, "nurl", `${at}: `, NURL_RULE, isNurl);
  const relay = textField(entry, "relay", `${at}: `, RELAY_RULE, (text) => isPlainUrl(text, /^wss?:$/));
  if (nurl !== undefined) return { nurl, ...(relay !== undefined && { relay }) };
  if (relay !== undefined) throw badConfig(`${at}: "relay" needs a "nurl", which names the server's key`);
  return { url: url! };
}

/** A server has one swissnum: it does not know by which way it is asked. */
function refuseSecondSwissnum(addresses: readonly AddressConfig[], swissnum: string | undefined, at: string): void {
  let known = swissnum;
  for (const [index, address] of addresses.entries()) {
    const given = "nurl" in address ? parseNurl(address.nurl).swissnum : undefined;
    known ??= given;
    if (given !== undefined && given !== known) {
      throw badConfig(`${at}.addresses[${index}]: "nurl" has another swissnum than is given before it`);
    }
  }
}

function refuseRepeated<T>(entries: readonly T[], keyOf: (entry: T) => unknown, at: string, field: string): void {
  const seen = new Set<unknown>();
  for (const [index, entry] of entries.entries()) {
    if (seen.has(keyOf(entry))) throw badConfig(`${at}[${index}] has the "${field}" of an earlier entry`);
    seen.add(keyOf(entry));
  }
}

/** @param at what stands before the field's name in an error */
function textField(
  entry: Record<string, unknown>,
  key: string,
  at: string,
  rule: string,
  holds: (text: string) => boolean,
): string | undefined {
  const value = entry[key];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !holds(value)) throw badConfig(`${at}"${key}" must be ${rule}`);
  return value;
}

/** It stands in URLs and in what people read. */
function isGridName(text: string): boolean {
  return text.length >= 1 && text.length <= LONGEST_NAME && isVisible(text);
}

function isVisible(text: string): boolean {
  return visibleText(text) === text;
}

function isId(text: string): boolean {
  return /^[!-~]{1,200}$/.test(text);
}

function isSwissnum(text: string): boolean {
  return /^[!-~]{1,200}$/.test(text);
}

function isNurl(text: string): boolean {
  try {
    parseNurl(text);
    return true;
  } catch {
    return false;
  }
}

function isBase32(text: string): boolean {
  try {
    return decodeBase32(text).length > 0;
  } catch {
    return false;
  }
}

function isPlainUrl(text: string, protocols: RegExp): boolean {
  // A parser passes over line ends, and people are shown the text.
  if (!URL.canParse(text) || !isVisible(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return protocols.test(protocol) && [username, password, search, hash].every((part) => part === "");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid configuration cannot be used: ${reason}.`);
}
