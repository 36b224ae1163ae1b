import { parseDocument, type YAMLParseError } from "yaml";
import { visibleText } from "../../base/visibleText.ts";
import { serverName } from "../../servers/httpServer.ts";
import { badList, type ListSource, readListText, WHERE_LISTS_ARE } from "./readListText.ts";

/** Of a server's name, where it is told. */
const LONGEST_NAME = 200;

/** What a list says of one server; nothing of it is checked but that texts are texts. */
export interface Announcement {
  readonly id: string;
  /** For people: the nickname, else the start of the id. */
  readonly name: string;
  readonly nickname?: string | undefined;
  /** `permutation-seed-base32` */
  readonly permutationSeed?: string | undefined;
  /** Secret. Several are several ways to the same server. */
  readonly nurls: readonly string[];
  /** Of a development grid's server. */
  readonly url?: string | undefined;
  readonly hasFurl: boolean;
  /** Of a server whose own folder was read: the TLS key that it has, as NURLs name it. */
  readonly ownTlsId?: string | undefined;
  /** Why there are no NURLs, where more is known than that. */
  readonly whyNoNurl?: string | undefined;
}

/** What is to be told of one entry of a list. */
export interface ListRemark {
  /** The entry's nickname, id or place in the list. */
  readonly name: string;
  /** Goes on after a colon, without a full stop. */
  readonly reason: string;
}

/** What was read of one list. */
export interface Announcements {
  readonly announcements: readonly Announcement[];
  readonly unusable: readonly ListRemark[];
}

/** An entry as a list has it. */
interface Entry {
  readonly id: string;
  readonly ann: unknown;
  /** What is wrong with its id. */
  readonly problem?: string;
}

/**
 * Reads a list of servers:
 * - a static server list as Tahoe-LAFS clients have it in `private/servers.yaml`, YAML or JSON,
 *   `storage: {<id>: {ann: {nickname, permutation-seed-base32, anonymous-storage-NURLs: [<nurl>, …]}}}`;
 * - Gridsync's settings, which are the same without the level `ann`;
 * - what a client has heard from an introducer and keeps in `private/introducer_<name>_cache.yaml`, `[{key_s: <id>, ann: {…}}, …]`;
 * - NURLs, one a line.
 *
 * An entry that is wrong leaves out one server, and not the list.
 *
 * @param path `-` for stdin, where the source has it
 * @throws GridError BAD_CONFIG if it cannot be read or is none of these; the signal's reason
 */
export async function readAnnouncements(path: string, source?: ListSource): Promise<Announcements> {
  const list = await readList(path, source);
  if (list.announcements.length + list.unusable.length > 0) return list;
  throw badList(path, `it lists no servers. ${WHERE_LISTS_ARE}`);
}

/** The same, and it may list none: so does a client that has heard of none yet. */
export async function readList(path: string, source?: ListSource): Promise<Announcements> {
  const text = await readListText(path, source);
  const entries = nurlLines(text) ?? documentEntries(parseYaml(text, path), path);
  const announcements = new Map<string, Announcement>();
  const unusable: ListRemark[] = [];
  for (const { id, ann, problem } of entries) {
    const read = announcement(id, ann);
    const reason = problem ?? (announcements.has(id) ? "its id is that of an entry before it" : undefined);
    if (reason === undefined) announcements.set(id, read);
    else unusable.push({ name: read.name, reason });
  }
  return { announcements: [...announcements.values()], unusable };
}

/** Undefined for what is no list of NURLs. All NURLs with one key are one server, whose id is that key's. */
function nurlLines(text: string): Entry[] | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const nurls = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (!nurls.every((line) => /^pb(?:\+\w+)?:\/\//.test(line))) return undefined;
  const servers = new Map<string, string[]>();
  for (const nurl of nurls) {
    const id = tlsIdIn(nurl) ?? `line ${lines.indexOf(nurl) + 1}`;
    servers.set(id, [...(servers.get(id) ?? []), nurl]);
  }
  return [...servers].map(([id, ways]) => ({ id, ann: new Map([["anonymous-storage-NURLs", ways]]) }));
}

function documentEntries(document: unknown, path: string): Entry[] {
  if (Array.isArray(document)) return document.map(heardEntry);
  const storage = field(document, "storage");
  if (storage instanceof Map)
    return [...storage].map(([id, entry]) => ({ id: `${id}`, ann: field(entry, "ann") ?? entry }));
  if (storage === null || document === null) return [];
  throw badList(path, noList(document));
}

/** An introducer's clients know a server by its public key. */
function heardEntry(entry: unknown, index: number): Entry {
  const id = textOf(field(entry, "key_s"));
  const ann = field(entry, "ann");
  if (id === undefined) return { id: `entry ${index + 1}`, ann, problem: "it has no key_s" };
  return { id, ann, ...(!id.startsWith("v0-") && { problem: "its key_s is no server's key: those begin with v0-" }) };
}

/** What a document is in place of a server list. */
function noList(document: unknown): string {
  const has = (name: string) => field(document, name) !== undefined;
  const values = document instanceof Map ? [...document.values()] : [document];
  if (values.some((value) => textOf(value)?.startsWith("URI:")))
    return `it holds caps, as a node's private/aliases does. ${WHERE_LISTS_ARE}`;
  if (has("introducers") || has("introducer"))
    return `it has no map "storage": it names introducers, and no servers. ${WHERE_LISTS_ARE}`;
  if (has("servers") || has("grids"))
    return "it is a grid configuration. Give it with --config where a command has that";
  return `it has no map "storage". ${WHERE_LISTS_ARE}`;
}

/** The parser's own errors are not told: they quote the text, in which secrets are. */
function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  try {
    // Maps, because an id may be called as something that every object has.
    if (error === undefined) return document.toJS({ mapAsMap: true });
  } catch {
    // An alias without an anchor, or too many.
  }
  throw badList(path, noDocument(text, error));
}

/** What a text is that is no document. */
function noDocument(text: string, error: YAMLParseError | undefined): string {
  if (/^\s*\[(?:node|client|storage|connections)\]\s*$/m.test(text)) {
    return `it is a node's tahoe.cfg. ${WHERE_LISTS_ARE}`;
  }
  if (error?.code === "DUPLICATE_KEY") return `line ${error.linePos?.[0].line} has a key that is there before`;
  const line = error?.linePos?.[0].line;
  return `it is neither YAML nor JSON${line === undefined ? "" : ` (line ${line})`}`;
}

function announcement(id: string, ann: unknown): Announcement {
  const nurls = field(ann, "anonymous-storage-NURLs");
  const nickname = textOf(field(ann, "nickname"));
  const shown = nickname && visibleText(nickname);
  return {
    id,
    name: serverName({ id, nickname: shown?.slice(0, LONGEST_NAME) }),
    nickname: shown,
    permutationSeed: textOf(field(ann, "permutation-seed-base32")),
    nurls: Array.isArray(nurls) ? nurls.filter((nurl) => typeof nurl === "string") : [],
    url: textOf(field(ann, "gridfetch-url")),
    hasFurl: field(ann, "anonymous-storage-FURL") !== undefined,
  };
}

function tlsIdIn(nurl: string): string | undefined {
  return /^pb(?:\+\w+)?:\/\/([\w-]{43})@/.exec(nurl)?.[1];
}

function field(value: unknown, key: string): unknown {
  return value instanceof Map ? value.get(key) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
