import { X509Certificate } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { GridError, isGridError } from "../../base/GridError.ts";
import { visibleText } from "../../base/visibleText.ts";
import { StreamFailure } from "../../servers/ByteStream.ts";
import { serverName } from "../../servers/httpServer.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { connectPinned } from "./connectPinned.ts";
import { type Announcement, type Announcements, readList } from "./readAnnouncements.ts";
import { tlsIdOf } from "./tlsIdOf.ts";

/**
 * The servers that a Tahoe-LAFS node's directory tells of: the storage server that the node itself is, those of its
 * static server list, and those that introducers have told it of, in this order. A node writes its identity and its
 * FURL when it first runs. What it announces was compared with these files for Tahoe-LAFS 1.20: its id is in
 * `node.pubkey`, the seed in `permutation-seed`, the swissnum and where it is in `private/storage.furl`, its TLS key in
 * `private/node.pem`. No file has its NURL, and no file tells whether it has one: nodes before 1.19 write the same. So
 * where no list names one, the server is asked whether it speaks TLS with that key.
 *
 * @throws GridError BAD_CONFIG if there is no server in it; the signal's reason
 */
export async function readNodeFolder(folder: string, signal: AbortSignal): Promise<Announcements> {
  const own = await ownAnnouncement(folder);
  const lists = await Promise.all((await listsIn(join(folder, "private"))).map((path) => readList(path)));
  const announcements = lists.flatMap((list) => list.announcements);
  const unusable = lists.flatMap((list) => list.unusable);
  if (own !== undefined) {
    const isListed = announcements.some(({ id, nurls }) => id === own.id && nurls.length > 0);
    announcements.unshift(isListed ? { ...own, nurls: [] } : await confirmed(own, signal));
  }
  if (announcements.length + unusable.length > 0) return { announcements, unusable };
  const reason = "it is not the directory of a storage server that has run, nor of a client that knows one";
  throw new GridError("BAD_CONFIG", { reason }, `The node directory ${folder} cannot be used: ${reason}.`);
}

/** An empty list is what a node starts with. */
async function listsIn(hidden: string): Promise<string[]> {
  const files = await readdir(hidden).catch(() => []);
  const caches = files.filter((name) => /^introducer_.*_cache\.yaml$/.test(name)).sort();
  const paths = [...files.filter((name) => name === "servers.yaml"), ...caches].map((name) => join(hidden, name));
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return paths.filter((_, index) => sizes[index]! > 0);
}

async function ownAnnouncement(folder: string): Promise<Announcement | undefined> {
  const read = (name: string) => readFile(join(folder, name), "utf8").then((text) => text.trim(), missing);
  const furl = await read("private/storage.furl");
  const key = await read("node.pubkey");
  const pem = await read("private/node.pem");
  if (furl === undefined || key === undefined || pem === undefined) return undefined;
  const id = key.replace(/^pub-/, "");
  const nickname = /^nickname *= *(.+)$/m.exec((await read("tahoe.cfg")) ?? "")?.[1]?.trim();
  const ownTlsId = tlsIdOf(new X509Certificate(pem));
  return {
    id,
    name: serverName({ id, nickname }),
    nickname: nickname && visibleText(nickname),
    permutationSeed: await read("permutation-seed"),
    nurls: nurlsFromFurl(furl, ownTlsId),
    hasFurl: true,
    ownTlsId,
  };
}

/** `pb://<tub id>@tcp:<host>:<port>,…/<swissnum>`: a NURL has the same swissnum, and one of the places. */
function nurlsFromFurl(furl: string, tlsId: string): string[] {
  const { hints = "", swissnum = "" } = /^pb:\/\/[^@/]+@(?<hints>[^/]*)\/(?<swissnum>[^/]+)$/.exec(furl)?.groups ?? {};
  const places = hints.split(",").flatMap((hint) => /^(?:tcp:)?([^:]+:\d+|\[.*\]:\d+)$/.exec(hint)?.[1] ?? []);
  return places.map((place) => `pb://${tlsId}@${place}/${swissnum}#v=1`);
}

/** With its NURLs if the server shows its key at one of their places, and else without. */
async function confirmed(own: Announcement, signal: AbortSignal): Promise<Announcement> {
  const failures = await Promise.all(own.nurls.map((nurl) => failureOf(nurl, signal)));
  if (failures.includes(undefined)) return own;
  const { reason } = failures.find((failure) => failure?.answers) ?? failures[0] ?? NOWHERE;
  return { ...own, nurls: [], whyNoNurl: reason };
}

/** Why a server does not show its key. */
interface Failure {
  /** Something is there, and it is not that. */
  readonly answers: boolean;
  readonly reason: string;
}

const NOWHERE: Failure = { answers: false, reason: "its FURL names no place that is reached by TCP" };

/** Undefined if it shows it. */
async function failureOf(text: string, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    const { socket } = await connectPinned(parseNurl(text), signal);
    socket.destroy();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StreamFailure) return { answers: true, reason: error.message };
    if (isGridError(error, "BAD_CONFIG")) return { answers: false, reason: error.details.reason };
    const [, place] = /@(.*)\//.exec(text) ?? [];
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = `no list has its NURL, and it cannot be asked at ${place} whether it speaks HTTP (${code ?? message}). Start it, or give a list that has its NURL`;
    return { answers: false, reason };
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
