import { GridError } from "./GridError.ts";

/** The error for `what`, in words ("share header", "base32 text"), that does not have the shape it must have. */
export function badFormat(what: string, reason: string): GridError<"BAD_FORMAT"> {
  return new GridError("BAD_FORMAT", { what, reason }, `The ${what} cannot be used: ${reason}.`);
}
