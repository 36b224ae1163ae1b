/** The command line itself is wrong: it ends with status 2, not 1. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
