import { GridError } from "./GridError.ts";

/** The error for `what`, in words ("share hash tree, node 7"), that is not what the cap promises. */
export function badHash(what: string): GridError<"BAD_HASH"> {
  return new GridError(
    "BAD_HASH",
    { what },
    `The hash of ${what} is wrong: these bytes are not the ones that the cap names.`,
  );
}
