import { isGridError } from "../base/GridError.ts";

/** What went wrong, in words without secrets. */
export function reasonOf(error: unknown): string {
  if (isGridError(error)) return error.message;
  return error instanceof Error ? error.name : "unknown";
}
