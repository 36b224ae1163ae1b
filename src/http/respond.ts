import { utf8 } from "../base/bytes.ts";
import type { ByteRange } from "../base/range.ts";
import { evaluateConditions, rangeCounts } from "./conditions.ts";
import { contentDisposition } from "./contentDisposition.ts";
import { isPassive, UNKNOWN_TYPE } from "./contentType.ts";
import { textResponse } from "./errorResponse.ts";
import { declaredType, type OpenContentContext, openContent } from "./openContent.ts";
import { parseRange } from "./parseRange.ts";
import type { FileContent, Representation, View } from "./represent.ts";
import { SAFETY_HEADERS, SANDBOX } from "./safetyHeaders.ts";
import { knownTypeOf } from "./sniffedTypes.ts";

/**
 * Answers a GET or HEAD with a representation (RFC 9110): conditions first, then Range, then the body, of which the
 * first bytes are waited for.
 *
 * @param signal ends the answer, and its body
 * @throws what a read fails with before its first byte; what making a view's text throws
 */
export async function respond(
  request: Request,
  representation: Representation,
  signal: AbortSignal,
  context: OpenContentContext,
): Promise<Response> {
  if (representation.kind === "refusal") return textResponse(400, representation.text);
  const early = conditionalAnswer(request.headers, representation.etag);
  if (early !== undefined) return early;
  return representation.kind === "view"
    ? respondWithView(representation, signal)
    : respondWithContent(request, representation, signal, context);
}

function conditionalAnswer(headers: Headers, etag: string | undefined): Response | undefined {
  const outcome = evaluateConditions(headers, etag);
  if (outcome === "failed") return textResponse(412, "This is not the content that If-Match names.");
  if (outcome === "go on") return undefined;
  return new Response(null, { status: 304, headers: { ...SAFETY_HEADERS, ...tagHeader(etag) } });
}

async function respondWithView({ etag, text: makeText }: View, signal: AbortSignal): Promise<Response> {
  const { type, text } = await makeText(signal);
  return new Response(text, {
    headers: {
      ...SAFETY_HEADERS,
      "Content-Security-Policy": SANDBOX,
      "Content-Type": type,
      "Content-Length": String(utf8(text).length),
      ...tagHeader(etag),
    },
  });
}

async function respondWithContent(
  request: Request,
  content: FileContent,
  signal: AbortSignal,
  context: OpenContentContext,
): Promise<Response> {
  const { node, etag } = content;
  const range = parseRange(rangeCounts(request.headers, etag) ? request.headers.get("Range") : null, node.size);
  if (range.kind === "unsatisfiable") return unsatisfiable(node.size);
  const part = range.kind === "part" ? range : { offset: 0, length: node.size };
  const { body, type } =
    request.method === "GET"
      ? await openContent(request, content, part, signal, context)
      : { body: null, type: declaredType(content) ?? (await knownTypeOf(node)) };
  return new Response(body, {
    status: range.kind === "part" ? 206 : 200,
    headers: {
      ...contentHeaders(content, type ?? UNKNOWN_TYPE),
      "Accept-Ranges": "bytes",
      "Content-Length": String(part.length),
      ...tagHeader(etag),
      ...(range.kind === "part" && { "Content-Range": contentRange(part, node.size) }),
    },
  });
}

function unsatisfiable(size: number): Response {
  const headers = { "Accept-Ranges": "bytes", "Content-Range": `bytes */${size}` };
  return textResponse(416, "First beyond end of file", headers);
}

function contentHeaders({ name, save }: FileContent, type: string): Record<string, string> {
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

function tagHeader(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { ETag: etag };
}

function contentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}
