import { toErrorRecord } from "../base/errorRecord.ts";
import { type GridErrorCode, type GridErrorDetails, isGridError } from "../base/GridError.ts";
import { SAFETY_HEADERS } from "./safetyHeaders.ts";

/**
 * The one place where errors become statuses. The body says in words what happened and, where too few shares could be
 * had, what each server's part in it was. Of errors that are not gridfetch's own nothing is told: their messages may
 * hold anything.
 *
 * @param asJson the error's code and details (an `ErrorRecord`), for a program, instead of the words
 */
export function errorResponse(error: unknown, asJson = false): Response {
  return asJson ? jsonResponse(statusOf(error), toErrorRecord(error)) : textResponse(statusOf(error), describe(error));
}

/** The words of `errorResponse` as a gateway wraps them where a directory cannot be had that was asked for as JSON. */
export function listingErrorResponse(error: unknown): Response {
  return jsonResponse(statusOf(error), { error: describe(error) });
}

/** A short answer in plain text. Not sandboxed: the page reads it where it appears in a frame instead of a download. */
export function textResponse(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { ...SAFETY_HEADERS, "Content-Type": "text/plain; charset=utf-8", ...headers },
  });
}

function jsonResponse(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...SAFETY_HEADERS, "Content-Type": "application/json" },
  });
}

const STATUSES: Readonly<Record<GridErrorCode, number>> = {
  BAD_CAP: 400,
  UNSUPPORTED_CAP: 400,
  BAD_URL: 400,
  BAD_ARGUMENT: 400,
  UNKNOWN_HANDLE: 404,
  BAD_RANGE: 400,
  // As a Tahoe-LAFS gateway answers: the file was there once, as far as its cap can tell.
  NOT_ENOUGH_SHARES: 410,
  NO_VERSION: 410,
  // Another try is likely to succeed.
  FILE_CHANGED: 503,
  NO_CHILD: 404,
  BAD_SEGMENT: 500,
  TOO_LARGE: 501,
  BAD_FORMAT: 502,
  BAD_HASH: 502,
  DATA_UNAVAILABLE: 502,
  SERVER_REFUSED: 502,
  SERVER_UNREACHABLE: 503,
  OFFLINE: 503,
  BAD_CONFIG: 503,
  NO_WORKER: 503,
  TIMED_OUT: 504,
  STORE_UNAVAILABLE: 503,
  STORE_FULL: 507,
  UPLOAD_FAILED: 500,
  INTERNAL: 500,
};

function statusOf(error: unknown): number {
  return isGridError(error) ? STATUSES[error.code] : 500;
}

/** Where too little could be had of a file, the first word is the one that a gateway's clients look for. */
function describe(error: unknown): string {
  if (isGridError(error, "NOT_ENOUGH_SHARES")) return describeShares(error);
  if (isGridError(error, "NO_VERSION")) return `UnrecoverableFileError: ${error.message}`;
  if (isGridError(error)) return error.message;
  return "Something unexpected went wrong inside gridfetch while answering this request.";
}

function describeShares(error: { message: string; details: GridErrorDetails["NOT_ENOUGH_SHARES"] }): string {
  const { found, servers } = error.details;
  const name = found === 0 ? "NoSharesError" : "NotEnoughSharesError";
  const lines = [
    `${name}: ${error.message}`,
    "",
    servers.length === 0 ? "No server was asked." : "What became of each server that was asked:",
    ...servers.map(({ server, outcome }) => `  ${server}: ${outcome}`),
  ];
  return lines.join("\n");
}
