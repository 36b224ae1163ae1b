import type { Clock } from "../base/Clock.ts";
import type { ByteRange } from "../base/range.ts";
import type { FileNode } from "../files/FileNode.ts";
import type { Cap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { contentDisposition } from "./contentDisposition.ts";
import { contentType, isPassive } from "./contentType.ts";
import { errorResponse, textResponse } from "./errorResponse.ts";
import type { FailurePacer } from "./FailurePacer.ts";
import { type BodyWatch, type OpenBody, openBody } from "./openBody.ts";
import { type FileUrl, parseGridUrl } from "./parseGridUrl.ts";
import { parseRange, type RequestedRange } from "./parseRange.ts";
import { SAFETY_HEADERS, SANDBOX } from "./safetyHeaders.ts";

/** What answering takes from its surroundings. */
export interface GridRequestContext {
  /** What grid URLs are under; its path ends in a slash. */
  readonly base: URL;
  /**
   * The file of a cap. May reject where the grid's configuration cannot be had; throws UNSUPPORTED_CAP for what is not
   * a file.
   */
  open(cap: Cap): FileNode | Promise<FileNode>;
  readonly clock: Clock;
  /** Shared by all requests. */
  readonly failures: FailurePacer;
  /** Hears of each body that is being streamed. */
  readonly streaming: (body: BodyWatch) => void;
  /** Hears why a request was answered with an error. */
  readonly failed: (error: unknown) => void;
}

/**
 * Answers a request for a grid URL, as `isGridUrl` knows them. Errors are answers too: it rejects only when the
 * request's own signal is aborted.
 *
 * HEAD, 304 and 416 need nothing but the cap. The status of a GET waits for the first verified bytes; a failure after
 * them errors the body.
 */
export async function handleGridRequest(request: Request, context: GridRequestContext): Promise<Response> {
  const response = await answer(request, context).catch((error: unknown) => {
    request.signal.throwIfAborted();
    context.failed(error);
    return errorResponse(error, wantsJson(request));
  });
  return request.method === "HEAD" ? new Response(null, response) : response;
}

/** As the page's client asks, to make a GridError of it again. */
function wantsJson(request: Request): boolean {
  return request.headers.get("Accept") === "application/json";
}

async function answer(request: Request, context: GridRequestContext): Promise<Response> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return textResponse(405, "Files on a grid can only be read: use GET or HEAD.", { Allow: "GET, HEAD" });
  }
  const target = parseGridUrl(new URL(request.url), context.base);
  if (target.kind === "redirect") return redirectResponse(target.location);
  if (target.t !== "") return textResponse(400, `${method} file: bad t=. Only a file's content is to be had here.`);

  const cap = parseCap(target.capText);
  const node = await context.open(cap);
  const etag = entityTag(cap, target.t);
  if (etag !== undefined && isCurrent(request.headers.get("If-None-Match"), etag)) return notModified(etag);

  const range = requestedRange(request, node.size, etag);
  if (range.kind === "unsatisfiable") return unsatisfiable(node.size);
  const part = range.kind === "part" ? range : { offset: 0, length: node.size };
  const body = method === "GET" ? await streamBody(node, part, target.capText, request.signal, context) : null;
  return new Response(body, {
    status: range.kind === "part" ? 206 : 200,
    headers: {
      ...fileHeaders(target),
      "Accept-Ranges": "bytes",
      "Content-Length": String(part.length),
      ...(etag !== undefined && { ETag: etag }),
      ...(range.kind === "part" && { "Content-Range": contentRange(part, node.size) }),
    },
  });
}

function redirectResponse(location: string): Response {
  return new Response(null, { status: 302, headers: { ...SAFETY_HEADERS, Location: location } });
}

/**
 * Strong: the storage index comes from the key, and a URL's cap says all else that decides its bytes. A gateway's tag,
 * with the view after the dash, but in the quotes that RFC 9110 wants.
 */
function entityTag(cap: Cap, t: string): string | undefined {
  return cap.kind === "CHK" ? `"${storageIndexText(cap.storageIndex)}-${t}"` : undefined;
}

/** If-None-Match compares weakly. Tags that an unpatched gateway gave out come back without quotes. */
function isCurrent(ifNoneMatch: string | null, etag: string): boolean {
  const tags = (ifNoneMatch ?? "").split(/[,\s]+/).map((tag) => tag.replace(/^W\//, ""));
  return tags.some((tag) => tag === "*" || tag === etag || `"${tag}"` === etag);
}

function notModified(etag: string): Response {
  return new Response(null, { status: 304, headers: { ...SAFETY_HEADERS, ETag: etag } });
}

/** A Range holds only for the content that an If-Range names, and there is no date that it could name. */
function requestedRange(request: Request, size: number, etag: string | undefined): RequestedRange {
  const condition = request.headers.get("If-Range");
  const header = condition === null || condition === etag ? request.headers.get("Range") : null;
  return parseRange(header, size);
}

function unsatisfiable(size: number): Response {
  const headers = { "Accept-Ranges": "bytes", "Content-Range": `bytes */${size}` };
  return textResponse(416, "First beyond end of file", headers);
}

function fileHeaders({ name, save }: FileUrl): Record<string, string> {
  const type = contentType(name);
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

async function streamBody(
  node: FileNode,
  part: ByteRange,
  capText: string,
  signal: AbortSignal,
  { clock, failures, streaming }: GridRequestContext,
): Promise<OpenBody["stream"]> {
  await failures.turn(capText, part.offset, signal);
  try {
    const body = await openBody(node, part, signal, clock);
    void body.ended.then(({ how }) => {
      if (how === "failed") failures.failed(capText, part.offset + body.delivered);
    });
    streaming(body);
    return body.stream;
  } catch (error) {
    if (!signal.aborted) failures.failed(capText, part.offset);
    throw error;
  }
}
