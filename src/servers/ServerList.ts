import type { Server } from "./Server.ts";

/** The grid's servers as they are now. */
export interface ServerList {
  /** Grows with each change of the list, so that those who went by an earlier one notice. */
  readonly revision: number;
  /** Every server in the list, reachable or not: HTTP has no standing connection, so each can be asked at any time. */
  known(): readonly Server[];
  /** The same, in the order in which to ask for a file's shares. */
  inOrderFor(storageIndex: Uint8Array): readonly Server[];
}
