import { concatBytes } from "../base/bytes.ts";
import type { HttpReply } from "./HttpTransport.ts";

/** Stops the transfer of a body that nobody wants. */
export async function discardBody(reply: HttpReply): Promise<void> {
  await reply.body[Symbol.asyncIterator]().return?.();
}

/** All bytes of a body, or undefined if there are more than `limit`: the transfer is then stopped. */
export async function readBounded(reply: HttpReply, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of reply.body) {
    length += piece.length;
    if (length > limit) return undefined;
    pieces.push(piece);
  }
  return concatBytes(pieces);
}

/** The media type of a reply in lower case and without its parameters, or "none". */
export function mediaType(reply: HttpReply): string {
  return reply.header("content-type")?.split(";")[0]?.trim().toLowerCase() || "none";
}
