import type { Clock } from "../base/Clock.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { ByteRange } from "../base/range.ts";
import { typeOfName } from "./contentType.ts";
import type { Openings } from "./Openings.ts";
import { type BodyWatch, type OpenBody, openBody } from "./openBody.ts";
import type { FileContent } from "./represent.ts";
import { knownTypeOf, typeByReading, typeFromStart } from "./sniffedTypes.ts";
import { SNIFFED_BYTES } from "./sniffType.ts";

/** What opening a body takes from its surroundings. */
export interface OpenContentContext {
  readonly clock: Clock;
  /** Shared by all requests. */
  readonly openings: Openings;
  /** Which page asks, as far as the worker is told. */
  readonly client: string;
  /** What the log calls the request. */
  readonly asker?: LogScope;
  /** Hears of each body that is being streamed. */
  readonly streaming: (body: BodyWatch) => void;
}

/**
 * The body of a part of a file, of which the first bytes are here, and the type, which these tell where nothing else does.
 *
 * @param signal ends the wait, and the body
 * @throws what the read fails with before its first byte; the signal's reason
 */
export async function openContent(
  request: Request,
  content: FileContent,
  part: ByteRange,
  signal: AbortSignal,
  context: OpenContentContext,
): Promise<{ body: OpenBody["stream"]; type: string | undefined }> {
  const { node } = content;
  const declared = declaredType(content);
  const holdsStart = part.offset === 0 && part.length >= Math.min(SNIFFED_BYTES, node.size);
  const isTypeInBody = declared === undefined && holdsStart;
  const place = isTypeInBody
    ? undefined
    : context.openings.begin(`${context.client} ${request.url}`, isPlayer(request), part);
  const opening = openBody(node, part, signal, context, place);
  void opening.then(context.streaming, () => undefined);
  const sniffed = async (): Promise<string | undefined> => {
    if (isTypeInBody) return typeFromStart(node, (await opening).start);
    // Who reads a part from further on, of a database say, does not look at the type, and would wait for a whole segment more.
    const isStartNear = part.offset < SNIFFED_BYTES;
    return isStartNear || request.mode === "navigate" ? typeByReading(node, signal, context.clock) : knownTypeOf(node);
  };
  const [{ stream }, type] = await Promise.all([opening, declared ?? sniffed()]);
  return { body: stream, type };
}

/** The type that was asked for, or that the name tells. */
export function declaredType({ type, name }: FileContent): string | undefined {
  return type ?? typeOfName(name);
}

/** Does a player of sound or pictures in motion ask? */
export function isPlayer({ destination }: Request): boolean {
  return destination === "video" || destination === "audio";
}
