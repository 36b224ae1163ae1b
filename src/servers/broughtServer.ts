import { checkRange } from "../base/range.ts";
import { permutationSeedOf } from "./permutedServers.ts";
import type { Server } from "./Server.ts";
import type { StorageClient } from "./StorageClient.ts";

/** A share that is here already, whole and unverified: a `Blob`. */
export interface BroughtShare {
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/**
 * A server that has one share of one file, which somebody else has fetched. It is believed no more than any other.
 * @param storageIndex of the file, in base32
 */
export function broughtServer(storageIndex: string, shareNumber: number, share: BroughtShare): Server {
  const id = `brought-${shareNumber}`;
  const storage: StorageClient = {
    listShares: async (wanted) => (wanted === storageIndex ? [shareNumber] : []),
    async *readShare(_storageIndex, _shareNumber, offset, length, signal) {
      checkRange(offset, length);
      const bytes = new Uint8Array(await share.slice(offset, offset + length).arrayBuffer());
      signal.throwIfAborted();
      if (bytes.length > 0) yield bytes;
    },
    // Whose share it is was not kept.
    reportCorruption: async () => {},
  };
  const mutableStorage = { ...storage, listShares: async () => [] };
  return { id, name: id, permutationSeed: permutationSeedOf(id), storage, mutableStorage };
}
