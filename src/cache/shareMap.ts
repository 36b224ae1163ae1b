import { utf8 } from "../base/bytes.ts";
import { decodeBase32, encodeBase32 } from "../formats/base32.ts";

/** A share that was read from a server and proven good: where to look for it first next time. */
export interface ShareLocation {
  readonly serverId: string;
  readonly shareNumber: number;
  /** The first bytes of the share, its header: with them at hand a block is one round trip away. */
  readonly header: Uint8Array;
}

/** More than any file has shares; copies count as well. */
const MOST_LOCATIONS = 512;
const LONGEST_SERVER_ID = 256;
const LONGEST_HEADER = 128;

/** A share map as bytes: JSON, for each share its server's id, its number, and its header in base32. */
export function encodeShareMap(locations: readonly ShareLocation[]): Uint8Array<ArrayBuffer> {
  const rows = locations
    .slice(0, MOST_LOCATIONS)
    .map(({ serverId, shareNumber, header }) => [serverId, shareNumber, encodeBase32(header)]);
  return utf8(JSON.stringify(rows));
}

/** Reads a share map. What is wrong is left out, up to the whole of it: a share map is nothing but a hint. */
export function decodeShareMap(bytes: Uint8Array): ShareLocation[] {
  try {
    const rows: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return Array.isArray(rows) ? rows.slice(0, MOST_LOCATIONS).flatMap(decodeLocation) : [];
  } catch {
    return [];
  }
}

function decodeLocation(row: unknown): ShareLocation[] {
  if (!Array.isArray(row)) return [];
  const [serverId, shareNumber, header] = row as unknown[];
  if (typeof serverId !== "string" || serverId.length > LONGEST_SERVER_ID) return [];
  if (!Number.isInteger(shareNumber) || typeof header !== "string" || header.length > 2 * LONGEST_HEADER) return [];
  try {
    return [{ serverId, shareNumber: shareNumber as number, header: decodeBase32(header) }];
  } catch {
    return [];
  }
}
