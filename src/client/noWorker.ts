import { GridError, type GridErrorDetails } from "../base/GridError.ts";

/** @param text why, without a full stop */
export function noWorker(
  reason: GridErrorDetails["NO_WORKER"]["reason"],
  text: string,
  cause?: unknown,
): GridError<"NO_WORKER"> {
  const message = `The Service Worker that reads the grid cannot work here: ${text}.`;
  return new GridError("NO_WORKER", { reason }, message, { cause });
}
