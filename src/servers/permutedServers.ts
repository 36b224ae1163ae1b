import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { compareBytes, concatBytes, utf8 } from "../base/bytes.ts";
import { decodeBase32 } from "../formats/base32.ts";
import type { Server } from "./Server.ts";

/**
 * The servers in the order in which a file's uploader went through them, and in which its readers ask: by
 * SHA-1(storage index || permutation seed).
 */
export function permutedServers(servers: readonly Server[], storageIndex: Uint8Array): Server[] {
  const place = new Map(servers.map((server) => [server, sha1(concatBytes([storageIndex, server.permutationSeed]))]));
  return [...servers].sort((a, b) => compareBytes(place.get(a)!, place.get(b)!));
}

/**
 * A server's permutation seed: as announced, else the public key in its id, else a hash of its id.
 *
 * @param announced the announcement's `permutation-seed-base32`
 * @throws GridError BAD_FORMAT if `announced` is not base32
 */
export function permutationSeedOf(id: string, announced?: string): Uint8Array<ArrayBuffer> {
  if (announced !== undefined) return decodeBase32(announced);
  const key = /^v0-([a-z2-7]{51}[aq])$/.exec(id)?.[1];
  return key === undefined ? new Uint8Array(sha256(utf8(id))) : decodeBase32(key);
}
