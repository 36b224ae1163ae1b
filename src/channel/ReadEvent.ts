import { type ErrorRecord, isErrorRecord } from "../base/errorRecord.ts";

/**
 * What becomes of the requests for grid URLs, of all pages of the app. A request is one read: a player makes many, one
 * for each seek at least.
 */
export type ReadEvent =
  | ReadStarted
  | (ReadFacts & {
      /** `progress`: it goes on. At most four times a second, and only when there is more than before. */
      readonly type: "progress" | "finished";
    })
  | (ReadFacts & {
      /** Whoever read it wants no more: a player after a seek, a page that was closed. */
      readonly type: "cancelled";
    })
  | (ReadFacts & {
      readonly type: "failed";
      readonly error: ErrorRecord;
    });

/** The first verified bytes are there. A request that fails before this has only its `failed`. */
export type ReadStarted = ReadFacts & {
  readonly type: "started";
  /** The part of the file that is read, in bytes. */
  readonly offset: number;
  readonly length: number;
};

interface ReadFacts {
  /** The same in all events of one request, and in no other's. */
  readonly id: string;
  /** As `grid.url` made it. Undefined for a URL that holds a cap itself: caps are in no event. */
  readonly url: string | undefined;
  /** Bytes handed to the reader so far. */
  readonly delivered: number;
}

const TYPES: readonly unknown[] = ["started", "progress", "finished", "cancelled", "failed"];

/** Is it one, as far as this version knows? */
export function isReadEvent(value: Readonly<Record<string, unknown>>): boolean {
  const { type, id, url, delivered } = value;
  if (!TYPES.includes(type) || typeof id !== "string" || typeof delivered !== "number") return false;
  if (url !== undefined && typeof url !== "string") return false;
  if (type === "started") return typeof value.offset === "number" && typeof value.length === "number";
  return type !== "failed" || isErrorRecord(value.error);
}
