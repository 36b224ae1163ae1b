import { GridError, isGridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import type { FileNode } from "../files/FileNode.ts";
import type { Cap } from "../formats/Cap.ts";
import { hasUnknownKind, parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { type AnswerFileContext, answerFile } from "./answerFile.ts";
import { badUrl } from "./badUrl.ts";
import { type UnknownFacts, viewOfFile, viewOfUnknown } from "./capViews.ts";
import { errorResponse, textResponse } from "./errorResponse.ts";
import { type ObjectUrl, parseGridUrl } from "./parseGridUrl.ts";
import { isActingDestination, SAFETY_HEADERS } from "./safetyHeaders.ts";

/** What answering takes from its surroundings. */
export interface GridRequestContext extends AnswerFileContext {
  /** What grid URLs are under; its path ends in a slash. */
  readonly base: URL;
  /**
   * What the handle of an opaque URL stands for; undefined if nobody knows. May take a while where pages are asked.
   * @throws the signal's reason
   */
  findHandle(handle: string, signal: AbortSignal): Promise<HandleRecord | undefined>;
  /**
   * The file of a cap, on the grid of this name (the first if undefined). May reject where the grid's configuration cannot be had; throws UNSUPPORTED_CAP for what is not
   * a file, BAD_URL where no grid has that name.
   */
  open(cap: Cap, grid: string | undefined): FileNode | Promise<FileNode>;
  /** Hears why a request was answered with an error. */
  readonly failed: (error: unknown) => void;
}

/**
 * Answers a request for a grid URL, as `isGridUrl` knows them. Errors are answers too: it rejects only when the
 * request's own signal is aborted.
 *
 * HEAD, 304, 412, 416 and the views of `t=` need nothing but the cap. The status of a GET waits for the first verified
 * bytes; a failure after them errors the body.
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
  if (isActingDestination(request.destination)) {
    return textResponse(403, "A file on a grid cannot be a part of the app: no script, style sheet or manifest.");
  }
  const target = parseGridUrl(new URL(request.url), context.base);
  if (target.kind === "redirect") return redirectResponse(target.location);
  if (target.kind === "object") return answerObject(request, target, context);
  const record = await context.findHandle(target.handle, request.signal);
  if (record === undefined) throw unknownHandle();
  return answerObject(request, wantedByHandle(record), context);
}

/** An object, and what no Tahoe-LAFS URL can say of it. */
interface WantedObject extends ObjectUrl {
  /** The media type that was asked for. */
  readonly type?: string | undefined;
}

/** No views: they would tell the cap to whoever has the URL. */
function wantedByHandle({ cap, filename, download, type, grid }: HandleRecord): WantedObject {
  return {
    kind: "object",
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
  const { capText, t, path, name, save, grid, type } = target;
  let cap: Cap;
  try {
    cap = parseCap(capText);
  } catch (error) {
    if (isGridError(error, "BAD_CAP")) return answerUnknown(request, target, error);
    throw error;
  }
  if (cap.kind === "CHK-Verifier") return answerUnknown(request, target, verifyCapRefused());
  if (path.length > 0) throw badUrl("Files have no children named so: the cap must be the last part of the path");
  const etag = entityTag(cap, t);
  if (t !== "" && (cap.kind === "CHK" || cap.kind === "LIT")) {
    if (request.method === "HEAD") return textResponse(400, badView("HEAD", t));
    return viewOfFile(t, cap, etag) ?? textResponse(400, badView("GET", t));
  }
  return answerFile(request, { node: await context.open(cap, grid), etag, capText, name, save, grid, type }, context);
}

function badView(method: string, t: string): string {
  // Only what looks like a view's name is repeated: anything may stand there, a cap too.
  return `${method} file: bad t=${/^[a-z-]{1,20}$/.test(t) ? t : ""}`;
}

/**
 * Strong: the storage index comes from the key, and a URL's cap says all else that decides its bytes. A gateway's tag,
 * with the view after the dash, but in the quotes that RFC 9110 wants.
 */
function entityTag(cap: Cap, t: string): string | undefined {
  return cap.kind === "CHK" ? `"${storageIndexText(cap.storageIndex)}-${t}"` : undefined;
}

/** What is no cap, a cap of the future, and a cap that allows no reading: there is only `t=json` of it. */
function answerUnknown(request: Request, { capText, form, t }: ObjectUrl, why: GridError): Response {
  if (form === "file") throw badUrl(`${why.message.replace(/\.$/, "")}, so what follows /file/ is not a file-cap`);
  if (t === "json" && request.method === "GET") return viewOfUnknown(factsOfUnknown(capText));
  throw new GridError(why.code, why.details, `GET unknown URI type: can only do t=json here. ${why.message}`);
}

/** A prefix bounds what the cap lets its holder do, so that it may be repeated; a broken known cap is not. */
function factsOfUnknown(capText: string): UnknownFacts {
  if (!hasUnknownKind(capText)) return {};
  if (capText.startsWith("ro.")) return { ro_uri: capText };
  return capText.startsWith("imm.") ? { ro_uri: capText, mutable: false } : {};
}

function verifyCapRefused(): GridError<"UNSUPPORTED_CAP"> {
  const kind = "URI:CHK-Verifier";
  return new GridError("UNSUPPORTED_CAP", { kind }, `This is a ${kind} cap: with it shares can be checked, not read.`);
}
