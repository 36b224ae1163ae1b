import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { GridError, isGridError } from "../../base/GridError.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { httpServer, serverName } from "../../servers/httpServer.ts";
import { isServerUrl } from "../../servers/parseGridConfig.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import type { Server } from "../../servers/Server.ts";
import { pinnedTlsTransport } from "./pinnedTlsTransport.ts";
import { urlTransport } from "./urlTransport.ts";

/** A server of a list, with what it takes to send it other requests than a reader's. */
export interface ListedServer {
  readonly server: Server;
  readonly transport: HttpTransport;
  /** Secret. */
  readonly swissnum?: string;
}

export interface ReadServerList {
  readonly servers: readonly ListedServer[];
  /** Entries that cannot be used, by nickname or id, and why. */
  readonly unusable: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads a static server list as Tahoe-LAFS clients have it in `private/servers.yaml`: YAML or JSON,
 * `storage: {<id>: {ann: {nickname, permutation-seed-base32, anonymous-storage-NURLs: [<nurl>, …]}}}`. A development grid's
 * servers have `gridfetch-url: <url>` in place of NURLs.
 *
 * @throws GridError BAD_CONFIG if the file cannot be read, is no such list, or has no server that can be used
 */
export async function readServerList(path: string): Promise<ReadServerList> {
  const fail = (reason: string) => {
    throw new GridError("BAD_CONFIG", { reason }, `The server list ${path} cannot be used: ${reason}.`);
  };
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  const storage = field(parseYaml(text) ?? fail("it is neither YAML nor JSON"), "storage");
  if (!isRecord(storage)) return fail('it has no map "storage"');
  const servers: ListedServer[] = [];
  const unusable: { name: string; reason: string }[] = [];
  for (const [id, entry] of Object.entries(storage)) {
    const announcement = field(entry, "ann");
    const name = serverName({ id, nickname: textOf(field(announcement, "nickname")) });
    try {
      servers.push(listedServer(id, announcement));
    } catch (error) {
      if (!isGridError(error)) throw error;
      unusable.push({ name, reason: error.message });
    }
  }
  if (servers.length > 0) return { servers, unusable };
  return fail(
    ["it has no server that can be used", ...unusable.map(({ name, reason }) => `${name}: ${reason}`)].join("; "),
  );
}

function listedServer(id: string, announcement: unknown): ListedServer {
  const identity = {
    id,
    nickname: textOf(field(announcement, "nickname")),
    permutationSeed: textOf(field(announcement, "permutation-seed-base32")),
  };
  const name = serverName(identity);
  const url = field(announcement, "gridfetch-url");
  if (typeof url === "string") {
    if (!isServerUrl(url)) throw unusableEntry("its gridfetch-url is no http or https URL");
    const transport = urlTransport(url, name);
    return { server: httpServer(identity, transport), transport };
  }
  const nurls = field(announcement, "anonymous-storage-NURLs");
  const [nurl] = Array.isArray(nurls) ? nurls : [];
  if (typeof nurl !== "string") {
    throw unusableEntry(
      field(announcement, "anonymous-storage-FURL") === undefined
        ? "it has no anonymous-storage-NURLs"
        : "it has a FURL only: this server speaks Foolscap and not HTTP, or its NURL is not in the list",
    );
  }
  const address = parseNurl(nurl);
  const { swissnum } = address;
  if (swissnum === undefined) throw unusableEntry("its NURL has no swissnum");
  const transport = pinnedTlsTransport(address, name);
  return { server: httpServer(identity, transport, swissnum), transport, swissnum };
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

function unusableEntry(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `${reason}.`);
}
