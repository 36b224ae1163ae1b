import { type ErrorRecord, isErrorRecord } from "./errorRecord.ts";

/** A file that is kept, or is to be kept, offline. Nothing in it is secret. */
export interface Keep {
  /**
   * The file: the same for every cap that names it, in every browser. It cannot be made into a cap. Which one a cap's is
   * says `grid.keepOf`.
   */
  readonly id: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** Bytes of the file that are on disk. */
  readonly keptBytes: number;
  /**
   * - `keeping`: it is being fetched, or waits for its turn, for the network or for servers (`reason` says for what) and goes on
   *   by itself, also after the browser was closed, as soon as a page of the app is open.
   * - `paused`: by `grid.pauseKeeping`. What is on disk stays.
   * - `kept`: all of it is on disk.
   * - `failed`: `reason` says why. What is on disk stays, and `grid.resumeKeeping` goes on from there: when room was made, say.
   */
  readonly state: "keeping" | "paused" | "kept" | "failed";
  /** Why it failed (STORE_FULL: there is no room on disk), or what it waits for. */
  readonly reason?: ErrorRecord;
}

/** What has become of a file that is kept offline; or that it is no longer, and what was on disk is gone. */
export type KeepEvent = Keep | { readonly id: string; readonly state: "removed" };

/** A file whose keeping the browser may take over, when no page is open any more. */
export interface HandOver {
  readonly id: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Of whole shares, as many as the file needs. They take no secret. */
  readonly urls: readonly string[];
}

/** What the browser's own fetch of a file is called, before the file's id. */
export const BROWSER_FETCH = "gridfetch-keep:";

/** As `Keep.id`: 16 bytes in base32. */
export function isKeepId(value: unknown): value is string {
  return typeof value === "string" && /^[a-z2-7]{26}$/.test(value);
}

/** Is it one, as far as this version knows? */
export function isKeepEvent({ id, size, keptBytes, state, reason }: Readonly<Record<string, unknown>>): boolean {
  if (!isKeepId(id) || typeof state !== "string") return false;
  if (state === "removed") return true;
  return typeof size === "number" && typeof keptBytes === "number" && (reason === undefined || isErrorRecord(reason));
}
