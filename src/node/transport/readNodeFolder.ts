import { X509Certificate } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { GridError } from "../../base/GridError.ts";
import { serverName } from "../../servers/httpServer.ts";
import { type Announcement, readAnnouncements } from "./readAnnouncements.ts";
import { tlsIdOf } from "./tlsIdOf.ts";

/**
 * The servers that a Tahoe-LAFS node's directory tells of: the storage server that the node itself is, those of its
 * static server list, and those that introducers have told it of, in this order. A node writes its identity and its
 * FURL when it first runs. What it announces was compared with these files for Tahoe-LAFS 1.20: its id is in
 * `node.pubkey`, the seed in `permutation-seed`, the swissnum and where it is in `private/storage.furl`, its TLS key in
 * `private/node.pem`.
 *
 * @throws GridError BAD_CONFIG if there is no server in it
 */
export async function readNodeFolder(folder: string): Promise<readonly Announcement[]> {
  const own = await ownAnnouncement(folder);
  const hidden = join(folder, "private");
  const files = await readdir(hidden).catch(() => []);
  const caches = files.filter((name) => /^introducer_.*_cache\.yaml$/.test(name)).sort();
  const lists = [...files.filter((name) => name === "servers.yaml"), ...caches];
  const listed: Announcement[] = [];
  for (const name of lists) {
    // An empty list is what a node starts with.
    if ((await stat(join(hidden, name))).size > 0) listed.push(...(await readAnnouncements(join(hidden, name))));
  }
  const all = [...(own === undefined ? [] : [own]), ...listed];
  if (all.length > 0) return all;
  const reason = "it is not the directory of a storage server that has run, nor of a client that knows one";
  throw new GridError("BAD_CONFIG", { reason }, `The node directory ${folder} cannot be used: ${reason}.`);
}

async function ownAnnouncement(folder: string): Promise<Announcement | undefined> {
  const read = (name: string) => readFile(join(folder, name), "utf8").then((text) => text.trim(), missing);
  const furl = await read("private/storage.furl");
  const key = await read("node.pubkey");
  const pem = await read("private/node.pem");
  if (furl === undefined || key === undefined || pem === undefined) return undefined;
  const id = key.replace(/^pub-/, "");
  const nickname = /^nickname *= *(.+)$/m.exec((await read("tahoe.cfg")) ?? "")?.[1]?.trim();
  const tlsId = tlsIdOf(new X509Certificate(pem));
  return {
    id,
    name: serverName({ id, nickname }),
    nickname,
    permutationSeed: await read("permutation-seed"),
    nurls: nurlsFromFurl(furl, tlsId),
    hasFurl: true,
  };
}

/** `pb://<tub id>@tcp:<host>:<port>,…/<swissnum>`: a NURL has the same swissnum, and one of the places. */
function nurlsFromFurl(furl: string, tlsId: string): string[] {
  const { hints = "", swissnum = "" } = /^pb:\/\/[^@/]+@(?<hints>[^/]*)\/(?<swissnum>[^/]+)$/.exec(furl)?.groups ?? {};
  const places = hints.split(",").flatMap((hint) => /^(?:tcp:)?([^:]+:\d+|\[.*\]:\d+)$/.exec(hint)?.[1] ?? []);
  return places.map((place) => `pb://${tlsId}@${place}/${swissnum}#v=1`);
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
