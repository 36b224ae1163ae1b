import type { Clock } from "../base/Clock.ts";
import type { FileNode } from "../files/FileNode.ts";
import { LiteralFile } from "../files/LiteralFile.ts";
import { openBody } from "./openBody.ts";
import { SNIFFED_BYTES, sniffType } from "./sniffType.ts";

/**
 * What files' first bytes told: a player asks for a nameless film in many ranges, and only one of them begins at its
 * start. Goes with the nodes.
 */
const types = new WeakMap<FileNode, string | undefined>();

/**
 * The type that a file's first bytes tell, which are at hand.
 * @param start the first `SNIFFED_BYTES`, or the whole file, or the first piece of it that came
 */
export function typeFromStart(node: FileNode, start: Uint8Array): string | undefined {
  const type = sniffType(start);
  types.set(node, type);
  return type;
}

/**
 * The type that a file's first bytes tell, which are read if nobody has done so.
 * @throws only the signal's reason: where they cannot be read the type stays unknown
 */
export async function typeByReading(node: FileNode, signal: AbortSignal, clock: Clock): Promise<string | undefined> {
  if (types.has(node)) return types.get(node);
  const length = Math.min(SNIFFED_BYTES, node.size);
  try {
    // One piece is enough: it is shorter only where segments are of a few bytes.
    const { start, stream } = await openBody(node, { offset: 0, length }, signal, { clock });
    await stream.cancel();
    return typeFromStart(node, start);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** The type where no server has to be asked for it. */
export async function knownTypeOf(node: FileNode): Promise<string | undefined> {
  if (node instanceof LiteralFile) return sniffType(new Uint8Array(await new Response(node.read()).arrayBuffer()));
  return types.get(node);
}
