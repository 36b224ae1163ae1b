import { GridError, isGridError, isTooLittle } from "../base/GridError.ts";
import { unlessAborted } from "../base/wait.ts";
import { retryChanged } from "../files/retryChanged.ts";
import { errorResponse, listingErrorResponse, textResponse } from "./errorResponse.ts";
import { explainFailure, type Surroundings } from "./explainFailure.ts";
import type { FailurePacer } from "./FailurePacer.ts";
import type { OpenContentContext } from "./openContent.ts";
import { type Representation, type RepresentContext, represent } from "./represent.ts";
import { respond } from "./respond.ts";
import { type RouteContext, route } from "./route.ts";
import { isHarmlessUse, SAFETY_HEADERS } from "./safetyHeaders.ts";

/** What answering takes from its surroundings. */
export interface GridRequestContext extends RouteContext, RepresentContext, OpenContentContext, Surroundings {
  /** Shared by all requests. */
  readonly failures: FailurePacer;
  /** Too few shares of a file were found: have its servers moved since the request came? */
  haveServersMoved(): Promise<boolean>;
  /** Hears why a request was answered with an error. */
  readonly failed: (error: unknown) => void;
}

/** An answer comes within this time, well under the 50 s after which browsers give up on a worker that has not answered. */
const ANSWER_LIMIT_MS = 40_000;

/**
 * Answers a request for which `isGridRequest` holds: finds what it is for (`route`), what that is answered with (`represent`), and the answer
 * (`respond`). Errors are answers too, and so is it that nothing has come within 40 s: it rejects only when the request's own signal is
 * aborted.
 *
 * HEAD, 304, 412, 416 and the views of `t=` need nothing but the cap. The status of a GET waits for the first verified
 * bytes; a failure after them errors the body.
 */
export async function handleGridRequest(request: Request, context: GridRequestContext): Promise<Response> {
  const refused = refusal(request);
  if (refused !== undefined) return refused;
  const deadline = new AbortController();
  const cancel = context.clock.after(ANSWER_LIMIT_MS, () => deadline.abort(tooSlow()));
  // It lives as long as the body does. The deadline is off once there is an answer.
  const signal = AbortSignal.any([request.signal, deadline.signal]);
  const response = await answer(request, signal, context).finally(cancel);
  return request.method === "HEAD" ? new Response(null, response) : response;
}

function refusal(request: Request): Response | undefined {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD")
    return textResponse(405, "Files on a grid can only be read: use GET or HEAD.", { Allow: "GET, HEAD" });
  if (isHarmlessUse(request)) return undefined;
  return textResponse(403, "A file on a grid cannot be a part of the app: no script, style sheet or manifest.");
}

async function answer(request: Request, signal: AbortSignal, context: GridRequestContext): Promise<Response> {
  // As the page's client asks, to make a GridError of it again.
  const isProgram = request.headers.get("Accept") === "application/json";
  const { url } = request;
  const { failures } = context;
  const noteFailures: OpenContentContext = {
    ...context,
    streaming(body) {
      void body.ended.then(({ how }) => how === "failed" && failures.failed(url, body.range.offset + body.delivered));
      context.streaming(body);
    },
  };
  let representation: Representation | undefined;
  const attempt = async (): Promise<Response> => {
    const target = await route(request, signal, context);
    if (target.kind === "redirect") return redirectResponse(target.location);
    const asked = { isHead: request.method === "HEAD", isProgram, scope: context.paths.scope };
    return retryChanged(async () => {
      representation = await represent(target, asked, signal, context);
      if (representation.kind === "refusal") context.failed(representation.why);
      return respond(request, representation, signal, noteFailures);
    });
  };
  const attempts = async (): Promise<Response> => {
    await failures.turn(url, firstByte(request), signal);
    try {
      return await attempt();
    } catch (error) {
      if (isTooLittle(error) && (await context.haveServersMoved())) return attempt();
      throw error;
    }
  };
  try {
    return await unlessAborted(attempts(), signal);
  } catch (thrown) {
    request.signal.throwIfAborted();
    // What was overwritten meanwhile can be read at once.
    if (!isGridError(thrown, "FILE_CHANGED")) failures.failed(url, firstByte(request));
    const error = await explainFailure(thrown, context);
    context.failed(error);
    const isListing = representation?.kind === "view" && representation.isListing;
    return isListing && isTooLittle(error) && !isProgram
      ? listingErrorResponse(error)
      : errorResponse(error, isProgram);
  }
}

/** Where the asker wants to begin; of a range that counts from the end the start of the file stands for it. */
function firstByte({ headers }: Request): number {
  return Number(/^bytes=\s*(\d+)/i.exec(headers.get("Range") ?? "")?.[1] ?? 0);
}

function redirectResponse(location: string): Response {
  return new Response(null, { status: 302, headers: { ...SAFETY_HEADERS, Location: location } });
}

function tooSlow(): GridError<"TIMED_OUT"> {
  const message = `Nothing of this file came within ${ANSWER_LIMIT_MS / 1000} s that could be verified. The servers may be overloaded: try again.`;
  return new GridError("TIMED_OUT", { what: "an answer", ms: ANSWER_LIMIT_MS }, message);
}
