import type { ErrorRecord } from "../base/errorRecord.ts";

/** A file that is being written to the person's disk, or was. */
export interface Save {
  readonly id: string;
  /** As the person has named it. */
  readonly name: string;
  /** As `grid.url` or `grid.zip` made it. */
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** Bytes that are written. The last 64 MiB of these, or of a longer file up to half, are lost where the browser crashes before they are put in their place. */
  readonly written: number;
  /**
   * - `saving`: it goes on, or waits for its turn, for the network or for servers (`reason` says for what) and goes on by itself, also
   *   after the browser was closed, as soon as a page of the app calls `openSaves`.
   * - `paused`: by `pause`; or the browser wants a click before it lets the app write again (`wantsClick`). What is on disk stays.
   * - `saved`: all of it is on disk.
   * - `failed`: `reason` says why. What is on disk stays, and `resume` goes on from there: when room was made, say.
   */
  readonly state: "saving" | "paused" | "saved" | "failed";
  /** After a restart browsers ask anew whether the app may write: `resume` has to be called from a click. */
  readonly wantsClick?: true;
  /** Why it failed, or what it waits for. STORE_FULL: there is no room on the disk. */
  readonly reason?: ErrorRecord;
  /** While bytes come: how fast in the last ten seconds. */
  readonly bytesPerSecond?: number;
  /** While bytes come: how long it will take at that speed. */
  readonly secondsLeft?: number;
}

/** What has become of a save, whichever tab wants or writes it; or that it is in the list no longer. */
export type SaveEvent = Save | { readonly id: string; readonly state: "removed" };
