import { utf8 } from "../base/bytes.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { FileCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { ZipArchive } from "./ZipArchive.ts";
import type { ZipEntry } from "./ZipEntry.ts";
import { type ZipItem, type ZipSource, zipEntries } from "./zipEntries.ts";

/** An archive, and what tells it from others. */
export interface OpenZip {
  readonly archive: ZipArchive;
  /** The same for the same bytes, and for no others: lowercase letters and digits. Tells no cap. */
  readonly tag: string;
}

/** Changes where the same entries make other bytes than before. */
const FORMAT = "gridfetch-zip-1";
/** So many entries are hashed in one go. */
const HASHED_AT_ONCE = 1_000;

/**
 * An archive of these items, as they are now.
 * @throws as `zipEntries`
 */
export async function openZip(items: readonly ZipItem[], source: ZipSource, signal: AbortSignal): Promise<OpenZip> {
  const entries = await zipEntries(items, source, signal);
  // Only files are opened, whose caps were read from folders.
  const open: ConstructorParameters<typeof ZipArchive>[1] = async ({ cap }, reading) =>
    source.open(parseCap(cap) as FileCap, reading);
  return { archive: new ZipArchive(entries, open), tag: await tagOf(entries) };
}

/** A hash over all that decides the bytes, by steps: all of it at once may be many megabytes. */
async function tagOf(entries: readonly ZipEntry[]): Promise<string> {
  let tag = FORMAT;
  for (let from = 0; from < entries.length; from += HASHED_AT_ONCE) {
    const some = entries.slice(from, from + HASHED_AT_ONCE);
    const text = JSON.stringify([
      tag,
      ...some.map((each) => [each.path, each.cap, each.version, each.size, each.modified]),
    ]);
    tag = encodeBase32(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));
  }
  return tag;
}
