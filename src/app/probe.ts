import { fetchFromWorker } from "../client/fetchFromWorker.ts";

/** A first look at a file. */
export interface Probe {
  /** In bytes. */
  readonly size: number;
  /** Its first bytes, up to 512. */
  readonly head: Uint8Array;
}

const HEAD_LENGTH = 512;

/**
 * Reads a file's first bytes.
 * @throws Error with the worker's own words where it cannot be read
 */
export async function probe(url: string): Promise<Probe> {
  const response = await fetchFromWorker(url, { headers: { Range: `bytes=0-${HEAD_LENGTH - 1}` } });
  const total = /^bytes .*\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  if (response.status === 206) return { size: Number(total), head: new Uint8Array(await response.arrayBuffer()) };
  // No byte of an empty file can be asked for.
  if (response.status === 416 && total === "0") return { size: 0, head: new Uint8Array() };
  throw new Error((await response.text()).trim() || `The file cannot be read: HTTP ${response.status}.`);
}

/** A name whose extension fits the first bytes, for a file that has none; without an extension where nothing fits. */
export function guessName(head: Uint8Array): string {
  const extension = extensionOf(head);
  return extension === undefined ? "file" : `file.${extension}`;
}

function extensionOf(head: Uint8Array): string | undefined {
  const hex = Array.from(head, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const signed = SIGNATURES.find(([signature]) => signature.test(hex));
  if (signed !== undefined) return signed[1];
  const text = textOf(head);
  if (text === undefined) return undefined;
  return /^\s*(?:<\?xml[^>]*>\s*)?<svg/.test(text) ? "svg" : "txt";
}

/**
 * How formats that browsers show begin, in hexadecimal. Matroska, of which WebM is a kind, says which kind further on.
 */
const SIGNATURES: [signature: RegExp, extension: string][] = [
  [/^1a45dfa3(?:..)*7765626d/, "webm"],
  [/^1a45dfa3/, "mkv"],
  [/^.{8}667479704d3441/, "m4a"],
  [/^.{8}6674797061766966/, "avif"],
  [/^.{8}66747970/, "mp4"],
  [/^4f676753/, "ogg"],
  [/^(?:494433|fff[b32])/, "mp3"],
  [/^664c6143/, "flac"],
  [/^52494646.{8}57415645/, "wav"],
  [/^52494646.{8}57454250/, "webp"],
  [/^ffd8ff/, "jpg"],
  [/^89504e470d0a/, "png"],
  [/^47494638/, "gif"],
  [/^255044462d/, "pdf"],
];

/** UTF-8 without control characters; a character cut off at the end is no offence. */
function textOf(head: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return /[^\P{Cc}\t\n\f\r]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
