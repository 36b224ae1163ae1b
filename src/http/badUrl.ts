import { GridError } from "../base/GridError.ts";

/**
 * A URL that does not say what is wanted. The message begins with the words that a Tahoe-LAFS gateway has for it, which
 * its clients look for, and repeats nothing of the URL: that may hold a cap.
 */
export function badUrl(reason: string): GridError<"BAD_URL"> {
  return new GridError("BAD_URL", { reason }, `${reason}.`);
}
