import { createReadStream } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { GridError } from "../../base/GridError.ts";

/** Where a list comes from, besides its path. */
export interface ListSource {
  /** What the path `-` stands for; without it that is a file's name. */
  readonly stdin?: Readable;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/** Ten thousand servers are a third of this. */
const LONGEST_LIST = 48 * 1024 * 1024;

/**
 * The text of a server list, from a file or from stdin.
 *
 * @throws GridError BAD_CONFIG that says what is there in place of a list; the signal's reason
 */
export async function readListText(path: string, { stdin, signal }: ListSource = {}): Promise<string> {
  const stream: Readable = path === "-" && stdin !== undefined ? stdin : createReadStream(path);
  if (signal !== undefined) addAbortSignal(signal, stream);
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of stream) {
      const bytes = Buffer.from(piece);
      pieces.push(bytes);
      size += bytes.length;
      if (size > LONGEST_LIST) throw badList(path, "it is too long to be a server list");
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GridError) throw error;
    throw badList(path, reasonOf(error as NodeJS.ErrnoException));
  }
  const text = Buffer.concat(pieces).toString();
  if (text.trim() === "") throw badList(path, `it is empty. ${WHERE_LISTS_ARE}`);
  return text;
}

/** @param reason without a full stop */
export function badList(path: string, reason: string): GridError<"BAD_CONFIG"> {
  const list = path === "-" ? "The server list on stdin" : `The server list ${path}`;
  return new GridError("BAD_CONFIG", { reason }, `${list} cannot be used: ${reason}.`);
}

/** After what was given in place of a list. */
export const WHERE_LISTS_ARE =
  "A node that knows servers has them in its private/servers.yaml, or in its private/introducer_<name>_cache.yaml once it has heard of them from an introducer";

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "ENOENT, there is no such file";
  if (code !== "EISDIR") return code ?? message;
  return "it is a folder. Name the list in it, private/servers.yaml or private/introducer_<name>_cache.yaml of a node; grid-config takes a node's folder by --node";
}
