import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { GridError } from "../../base/GridError.ts";
import { serverName } from "../../servers/httpServer.ts";
import { type Nurl, parseNurl } from "../../servers/parseNurl.ts";

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
}

/**
 * Reads a static server list as Tahoe-LAFS clients have it in `private/servers.yaml`, YAML or JSON,
 * `storage: {<id>: {ann: {nickname, permutation-seed-base32, anonymous-storage-NURLs: [<nurl>, …]}}}`, or what a client
 * has heard from an introducer and keeps in `private/introducer_<name>_cache.yaml`, `[{key_s: <id>, ann: {…}}, …]`.
 *
 * @throws GridError BAD_CONFIG if the file cannot be read or is neither
 */
export async function readAnnouncements(path: string): Promise<readonly Announcement[]> {
  const fail = (reason: string) => {
    throw new GridError("BAD_CONFIG", { reason }, `The server list ${path} cannot be used: ${reason}.`);
  };
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  const document = parseYaml(text) ?? fail("it is neither YAML nor JSON");
  if (Array.isArray(document)) {
    const named = document.map((entry) => [textOf(field(entry, "key_s")) ?? fail("an entry has no key_s"), entry]);
    return named.map(([id, entry]) => announcement(id, entry));
  }
  const storage = field(document, "storage");
  if (!isRecord(storage)) return fail('it has no map "storage"');
  return Object.entries(storage).map(([id, entry]) => announcement(id, entry));
}

/**
 * The ways to a server over TLS, one or more.
 * @throws GridError BAD_CONFIG where there is none
 */
export function nurlsOf({ nurls, hasFurl }: Announcement): readonly [Nurl, ...Nurl[]] {
  const [first, ...others] = nurls.map(parseNurl);
  if (first !== undefined) return [first, ...others];
  throw unusableServer(
    hasFurl
      ? "it has a FURL only: this server speaks Foolscap and not HTTP, or its NURL is not in the list"
      : "it has no anonymous-storage-NURLs",
  );
}

/** @param reason why a server of a list cannot be used */
export function unusableServer(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `${reason}.`);
}

function announcement(id: string, entry: unknown): Announcement {
  const ann = field(entry, "ann");
  const nurls = field(ann, "anonymous-storage-NURLs");
  const nickname = textOf(field(ann, "nickname"));
  return {
    id,
    name: serverName({ id, nickname }),
    nickname,
    permutationSeed: textOf(field(ann, "permutation-seed-base32")),
    nurls: Array.isArray(nurls) ? nurls.filter((nurl) => typeof nurl === "string") : [],
    url: textOf(field(ann, "gridfetch-url")),
    hasFurl: field(ann, "anonymous-storage-FURL") !== undefined,
  };
}

/** Undefined for what is not YAML: its errors quote the text, in which secrets are. */
function parseYaml(text: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0) return undefined;
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
