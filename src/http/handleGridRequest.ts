import { GridError, isGridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import type { Directory } from "../files/Directory.ts";
import type { FileNode } from "../files/FileNode.ts";
import { retryChanged } from "../files/retryChanged.ts";
import type { Cap, DirectoryCap, FileCap } from "../formats/Cap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { answerDirectory } from "./answerDirectory.ts";
import { type AnswerFileContext, answerFile } from "./answerFile.ts";
import { badUrl } from "./badUrl.ts";
import { badView } from "./badView.ts";
import { sizeInCap, viewOfFile, viewOfUnknown } from "./capViews.ts";
import { conditionalAnswer } from "./conditionalAnswer.ts";
import { errorResponse, listingErrorResponse, textResponse } from "./errorResponse.ts";
import { explainFailure, type Surroundings } from "./explainFailure.ts";
import type { GridPaths } from "./GridPaths.ts";
import { type ObjectUrl, parseGridUrl } from "./parseGridUrl.ts";
import { type ResolvedUnknown, resolveObject } from "./resolveObject.ts";
import { isHarmlessUse, SAFETY_HEADERS } from "./safetyHeaders.ts";

/** What answering takes from its surroundings. */
export interface GridRequestContext extends AnswerFileContext, Surroundings {
  readonly paths: GridPaths;
  /**
   * What the handle of an opaque URL stands for; undefined if nobody knows. May take a while where pages are asked.
   * @throws the signal's reason
   */
  findHandle(handle: string, signal: AbortSignal): Promise<HandleRecord | undefined>;
  /**
   * The file of a cap, as it is now, on the grid of this name (the first if undefined).
   * @throws where the grid's configuration cannot be had, BAD_URL where no grid has that name, NO_VERSION; the signal's reason
   */
  open(cap: FileCap, grid: string | undefined, signal: AbortSignal): FileNode | Promise<FileNode>;
  /** The directory of a cap, likewise. */
  directory(cap: DirectoryCap, grid: string | undefined): Promise<Directory>;
  /** Hears why a request was answered with an error. */
  readonly failed: (error: unknown) => void;
}

/**
 * Answers a request for which `isGridRequest` holds. Errors are answers too: it rejects only when the
 * request's own signal is aborted.
 *
 * HEAD, 304, 412, 416 and the views of `t=` need nothing but the cap. The status of a GET waits for the first verified
 * bytes; a failure after them errors the body.
 */
export async function handleGridRequest(request: Request, context: GridRequestContext): Promise<Response> {
  const response = await answer(request, context).catch(async (thrown: unknown) => {
    request.signal.throwIfAborted();
    const error = await explainFailure(thrown, context);
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
  if (!isHarmlessUse(request)) {
    return textResponse(403, "A file on a grid cannot be a part of the app: no script, style sheet or manifest.");
  }
  const target = parseGridUrl(new URL(request.url), context.paths);
  if (target.kind === "redirect") return redirectResponse(target.location);
  if (target.kind === "object") return answerObject(request, target, context);
  const record = await context.findHandle(target.handle, request.signal);
  if (record === undefined) throw unknownHandle();
  return answerObject(request, wantedByHandle(record), context);
}

/** An object, and what no Tahoe-LAFS URL can say of it. */
interface WantedObject extends ObjectUrl {
  readonly isHandle?: true;
  /** The media type that was asked for. */
  readonly type?: string | undefined;
}

/** No views: they would tell the cap to whoever has the URL. */
function wantedByHandle({ cap, filename, download, type, grid }: HandleRecord): WantedObject {
  return {
    kind: "object",
    isHandle: true,
    form: "uri",
    capText: cap,
    path: [],
    t: "",
    name: filename || undefined,
    save: download,
    type: type || undefined,
    grid: grid || undefined,
  };
}

function unknownHandle(): GridError<"UNKNOWN_HANDLE"> {
  const message =
    "This address stands for nothing in this browser: it was made in another one, was revoked, or was not used for " +
    "very long. Open the file again where you found it.";
  return new GridError("UNKNOWN_HANDLE", {}, message);
}

function redirectResponse(location: string): Response {
  return new Response(null, { status: 302, headers: { ...SAFETY_HEADERS, Location: location } });
}

async function answerObject(request: Request, target: WantedObject, context: GridRequestContext): Promise<Response> {
  const { form, t, path, grid } = target;
  const { signal } = request;
  const found = await resolveObject(target, signal, (cap) => context.directory(cap, grid));
  if (found.kind === "unknown") return answerUnknown(request, target, found, context);
  const { cap, name, metadata } = found;
  if (cap.kind === "DIR2") {
    if (form === "file") throw badUrl("The cap of a directory is not a file-cap: use /uri/");
    if (target.isHandle) throw directoryByHandle();
    return answerListing(request, await context.directory(cap, grid), t, context);
  }
  if (t !== "") {
    const etag = entityTag(cap, t);
    if (request.method === "HEAD") return badView("HEAD file", t);
    const size = sizeInCap(cap) ?? (t === "json" ? await sizeOfLatest(cap, target, signal, context) : undefined);
    const view = viewOfFile(t, { cap, size, metadata }, etag);
    if (view === undefined) return badView("GET file", t);
    return conditionalAnswer(request.headers, view.headers.get("ETag") ?? undefined) ?? view;
  }
  // A name that was walked to is a name as good as one that was only written down.
  const wanted = { ...target, name: target.name ?? name, capText: [target.capText, ...path].join("/") };
  return retryChanged(async () => {
    const node = await context.open(cap, grid, signal);
    return answerFile(request, { ...wanted, node, etag: entityTag(cap, t, node.version) }, context);
  });
}

async function answerListing(
  request: Request,
  directory: Directory,
  t: string,
  context: GridRequestContext,
): Promise<Response> {
  try {
    return await answerDirectory(request, directory, t, context.paths.scope);
  } catch (thrown) {
    const error = await explainFailure(thrown, context);
    const isGone = isGridError(error, "NOT_ENOUGH_SHARES") || isGridError(error, "NO_VERSION");
    if (t !== "json" || !isGone || wantsJson(request)) throw error;
    context.failed(error);
    return listingErrorResponse(error);
  }
}

/** Of a mutable file, and none where no version can be read: the view says what there is to say. */
async function sizeOfLatest(
  cap: FileCap,
  { grid }: WantedObject,
  signal: AbortSignal,
  { open }: GridRequestContext,
): Promise<number | undefined> {
  try {
    return (await open(cap, grid, signal)).size;
  } catch (error) {
    if (isGridError(error, "NO_VERSION")) return undefined;
    throw error;
  }
}

/** A list of caps is not what a URL may tell that is made to tell none. */
function directoryByHandle(): GridError<"UNSUPPORTED_CAP"> {
  const message =
    "This is a directory's cap, and a URL of this kind, as grid.url and grid.open use, is for a file. A directory is listed by " +
    "fetch from the path uri/, the cap by encodeURIComponent, and ?t=json, where the worker answers Tahoe-LAFS's own paths " +
    "(gridfetch-worker.js?tahoe-forms).";
  return new GridError("UNSUPPORTED_CAP", { kind: "URI:DIR2" }, message);
}

/**
 * Strong: the storage index comes from the key, and a URL's cap, or the signed version, says all else that decides its bytes. A
 * gateway's tag, with the view after the dash, but in the quotes that RFC 9110 wants; a gateway has none of what can change.
 */
function entityTag(cap: Cap, t: string, version?: string): string | undefined {
  if (cap.kind === "CHK") return `"${storageIndexText(cap.storageIndex)}-${t}"`;
  if ((cap.kind === "SSK" || cap.kind === "MDMF") && version !== undefined)
    return `"${storageIndexText(cap.storageIndex)}-${version}"`;
  return undefined;
}

/** There is only `t=json` of it. A person at one of a gateway's URLs gets a gateway's words; a program, or who has a handle, the reason alone. */
function answerUnknown(
  request: Request,
  { form, t, isHandle }: WantedObject,
  { facts, why }: ResolvedUnknown,
  { failed }: GridRequestContext,
): Response {
  if (isHandle || wantsJson(request)) throw why;
  if (form === "file") throw badUrl(`${why.message.replace(/\.$/, "")}, so what follows /file/ is not a file-cap`);
  if (t === "json" && request.method === "GET") return viewOfUnknown(facts);
  failed(why);
  return textResponse(400, `GET unknown URI type: can only do t=json here. ${why.message}`);
}
