import { evaluateConditions } from "./conditions.ts";
import { textResponse } from "./errorResponse.ts";
import { SAFETY_HEADERS } from "./safetyHeaders.ts";

/** What a request's conditions make of it: 412, 304, or undefined where it goes on. `etag` as for `evaluateConditions`. */
export function conditionalAnswer(headers: Headers, etag: string | undefined): Response | undefined {
  const outcome = evaluateConditions(headers, etag);
  if (outcome === "failed") return textResponse(412, "This is not the content that If-Match names.");
  if (outcome === "go on") return undefined;
  return new Response(null, { status: 304, headers: { ...SAFETY_HEADERS, ...(etag !== undefined && { ETag: etag }) } });
}
