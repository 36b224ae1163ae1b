/** What a request's conditions come to (RFC 9110, section 13.2.2). */
export type ConditionOutcome = "go on" | "not modified" | "failed";

/**
 * Evaluates If-Match and If-None-Match. There are no modification dates on a grid, so that conditions on dates are
 * ignored, as the RFC says for that case.
 *
 * @param etag the strong tag of what would be sent, with its quotes; undefined where there is none
 */
export function evaluateConditions(headers: Headers, etag: string | undefined): ConditionOutcome {
  const ifMatch = headers.get("If-Match");
  // Strong comparison: a weak tag never matches.
  if (ifMatch !== null && !listsTag(ifMatch, etag)) return "failed";
  const ifNoneMatch = headers.get("If-None-Match");
  if (ifNoneMatch !== null && listsTag(ifNoneMatch.replace(/\bW\//g, ""), etag)) return "not modified";
  return "go on";
}

/** Does the Range of this request count? Only for the content that an If-Range names, by its tag: no date can match. */
export function rangeCounts(headers: Headers, etag: string | undefined): boolean {
  const condition = headers.get("If-Range");
  return condition === null || condition.trim() === etag;
}

/** A gateway gives its tags out without quotes, and takes lists of them with blanks between: so come old ones back. */
function listsTag(list: string, etag: string | undefined): boolean {
  return list
    .split(/[,\s]+/)
    .some((tag) => tag === "*" || (etag !== undefined && (tag === etag || `"${tag}"` === etag)));
}
