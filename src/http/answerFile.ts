import type { Clock } from "../base/Clock.ts";
import { isGridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import type { FileNode } from "../files/FileNode.ts";
import { conditionalAnswer } from "./conditionalAnswer.ts";
import { rangeCounts } from "./conditions.ts";
import { contentDisposition } from "./contentDisposition.ts";
import { isPassive, typeOfName, UNKNOWN_TYPE } from "./contentType.ts";
import { textResponse } from "./errorResponse.ts";
import type { FailurePacer } from "./FailurePacer.ts";
import type { Opening, Openings } from "./Openings.ts";
import { type BodyWatch, type OpenBody, openBody } from "./openBody.ts";
import type { Wanted } from "./parseGridUrl.ts";
import { parseRange } from "./parseRange.ts";
import { SAFETY_HEADERS, SANDBOX } from "./safetyHeaders.ts";
import { knownTypeOf, typeByReading, typeFromStart } from "./sniffedTypes.ts";
import { SNIFFED_BYTES } from "./sniffType.ts";

/** A file, and as what it is wanted. */
export interface WantedFile extends Wanted {
  readonly node: FileNode;
  /** Strong, in its quotes; undefined for what has none. */
  readonly etag: string | undefined;
  /** A Content-Type that was asked for; else the name decides, else the first bytes. */
  readonly type?: string | undefined;
}

export interface AnswerFileContext {
  readonly clock: Clock;
  /** Shared by all requests. */
  readonly failures: FailurePacer;
  /** Likewise. */
  readonly openings: Openings;
  /** Which page asks, as far as the worker is told. */
  readonly client: string;
  /** Hears of each body that is being streamed. */
  readonly streaming: (body: BodyWatch) => void;
}

/**
 * Answers a GET or HEAD for a file's content (RFC 9110): conditions first, then Range, then the body, of which the
 * first bytes are waited for.
 * @throws what the read fails with before its first byte
 */
export async function answerFile(request: Request, file: WantedFile, context: AnswerFileContext): Promise<Response> {
  const { node, etag } = file;
  const early = conditionalAnswer(request.headers, etag);
  if (early !== undefined) return early;

  const range = parseRange(rangeCounts(request.headers, etag) ? request.headers.get("Range") : null, node.size);
  if (range.kind === "unsatisfiable") return unsatisfiable(node.size);
  const part = range.kind === "part" ? range : { offset: 0, length: node.size };
  const { body, type } =
    request.method === "GET"
      ? await openTyped(request, file, part, context)
      : { body: null, type: declaredType(file) ?? (await knownTypeOf(node)) };
  return new Response(body, {
    status: range.kind === "part" ? 206 : 200,
    headers: {
      ...fileHeaders(file, type ?? UNKNOWN_TYPE),
      "Accept-Ranges": "bytes",
      "Content-Length": String(part.length),
      ...(etag !== undefined && { ETag: etag }),
      ...(range.kind === "part" && { "Content-Range": contentRange(part, node.size) }),
    },
  });
}

function unsatisfiable(size: number): Response {
  const headers = { "Accept-Ranges": "bytes", "Content-Range": `bytes */${size}` };
  return textResponse(416, "First beyond end of file", headers);
}

function declaredType({ type, name }: WantedFile): string | undefined {
  return type ?? typeOfName(name);
}

function fileHeaders({ name, save }: WantedFile, type: string): Record<string, string> {
  const disposition = save
    ? contentDisposition("attachment", name ?? "unknown")
    : name && contentDisposition("inline", name);
  return {
    ...SAFETY_HEADERS,
    ...(!isPassive(type) && { "Content-Security-Policy": SANDBOX }),
    "Content-Type": type,
    // Inline too carries the name, for whoever saves what is shown.
    ...(disposition && { "Content-Disposition": disposition }),
  };
}

function contentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/** The body, and the type, which the file's first bytes tell where nothing else does. */
async function openTyped(
  request: Request,
  file: WantedFile,
  part: ByteRange,
  context: AnswerFileContext,
): Promise<{ body: OpenBody["stream"]; type: string | undefined }> {
  const { node } = file;
  const { signal } = request;
  const declared = declaredType(file);
  const holdsStart = part.offset === 0 && part.length >= Math.min(SNIFFED_BYTES, node.size);
  const isTypeInBody = declared === undefined && holdsStart;
  const begin = () => context.openings.begin(`${context.client} ${request.url}`, isPlayer(request));
  const opening = openPaced(file, part, signal, context, isTypeInBody ? undefined : begin);
  const sniffed = async (): Promise<string | undefined> => {
    if (isTypeInBody) return typeFromStart(node, (await opening).start);
    // Who reads a part from further on, of a database say, does not look at the type, and would wait for a whole segment more.
    const isStartNear = part.offset < SNIFFED_BYTES;
    return isStartNear || request.mode === "navigate" ? typeByReading(node, signal, context.clock) : knownTypeOf(node);
  };
  const [{ stream }, type] = await Promise.all([opening, declared ?? sniffed()]);
  return { body: stream, type };
}

function isPlayer({ destination }: Request): boolean {
  return destination === "video" || destination === "audio";
}

async function openPaced(
  { node, capText }: WantedFile,
  part: ByteRange,
  signal: AbortSignal,
  { clock, failures, streaming }: AnswerFileContext,
  begin?: () => Opening,
): Promise<OpenBody> {
  await failures.turn(capText, part.offset, signal);
  try {
    const opened = await openBody(node, part, signal, clock, begin?.());
    void opened.ended.then(({ how }) => {
      if (how === "failed") failures.failed(capText, part.offset + opened.delivered);
    });
    streaming(opened);
    return opened;
  } catch (error) {
    // What was overwritten meanwhile can be read at once.
    if (!signal.aborted && !isGridError(error, "FILE_CHANGED")) failures.failed(capText, part.offset);
    throw error;
  }
}
