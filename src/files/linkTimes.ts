import type { Metadata } from "./readChildren.ts";

/** When a name was given in its directory, in milliseconds since 1970, as the writer says; undefined where he does not. */
export interface LinkTimes {
  /** First. */
  readonly created: number | undefined;
  /** To what it names now. */
  readonly modified: number | undefined;
}

/** Tahoe-LAFS writes when a link was made and when it was changed last, in seconds. Anybody may have written anything. */
export function linkTimes({ tahoe }: Metadata): LinkTimes {
  const { linkcrtime, linkmotime } = (typeof tahoe === "object" && tahoe !== null ? tahoe : {}) as Metadata;
  return { created: inMilliseconds(linkcrtime), modified: inMilliseconds(linkmotime) };
}

function inMilliseconds(seconds: unknown): number | undefined {
  return typeof seconds === "number" && Math.abs(seconds) < 8.64e12 ? Math.round(seconds * 1000) : undefined;
}
