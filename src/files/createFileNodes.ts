import { type Clock, systemClock } from "../base/Clock.ts";
import { EventLog } from "../base/EventLog.ts";
import { GridError } from "../base/GridError.ts";
import { defaultKeptLimits } from "../base/keptLimits.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { FileMemory } from "../cache/FileMemory.ts";
import { SegmentedLru } from "../cache/SegmentedLru.ts";
import { Download } from "../download/Download.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import { zfec } from "../erasure/zfec.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { Cap, ChkCap, ChkVerifyCap } from "../formats/Cap.ts";
import { importCtrKey } from "../hashing/ctr.ts";
import { HealthBook } from "../servers/ServerHealth.ts";
import type { ServerList } from "../servers/ServerList.ts";
import type { FileNode } from "./FileNode.ts";
import { ImmutableFile } from "./ImmutableFile.ts";
import { LiteralFile } from "./LiteralFile.ts";

/** What files are read with. */
export interface FileNodesOptions {
  readonly servers: ServerList;
  readonly clock?: Clock;
  /** Where reads tell what happens. */
  readonly log?: EventLog;
  readonly limits?: Limits;
  readonly codec?: ErasureCodec;
  /** What outlives this program of the files that were read. */
  readonly memory?: FileMemory;
  /** Bytes of verified ciphertext to keep for the next read; none for 0. */
  readonly keptBytes?: number;
}

/** A grid's files. */
export interface FileNodes {
  /**
   * The file that a cap names. Costs nothing until it is read. The last few caps' nodes are kept, so that what was
   * learned of a file serves its next read.
   * @throws GridError UNSUPPORTED_CAP for directories, mutable files and verify caps
   */
  open(cap: Cap): FileNode;
}

/** Nodes kept for the next read of the same file: each holds some pages of hash trees, 128 KiB a share at most. */
const KEPT_NODES = 16;

export function createFileNodes(options: FileNodesOptions): FileNodes {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? new EventLog(clock);
  const limits = options.limits ?? defaultLimits;
  const codec = options.codec ?? zfec;
  const health = new HealthBook(clock, limits);
  const nodes = new Map<string, FileNode>();
  const kept = new SegmentedLru<Uint8Array<ArrayBuffer>>(options.keptBytes ?? defaultKeptLimits.inMemory);

  function openImmutable(cap: ChkCap): FileNode {
    const storageIndexText = encodeBase32(cap.storageIndex);
    const context: DownloadContext = {
      servers: options.servers,
      health,
      codec,
      clock,
      limits,
      scope: log.scope("node"),
      storageIndexText,
      traffic: { received: 0, hedged: 0 },
      kept,
      keptPrefix: `${nameOf(cap, cap.storageIndex)}:`,
      memory: options.memory?.file(cap.storageIndex, cap.uebHash),
    };
    const key = importCtrKey(cap.key);
    key.catch(() => {}); // told to every read
    return new ImmutableFile(cap.size, key, new Download(cap, context), context);
  }

  return {
    open(cap) {
      if (cap.kind === "LIT") return new LiteralFile(cap.data);
      if (cap.kind !== "CHK") throw unsupported(cap);
      const name = nameOf(cap, cap.key);
      const node = nodes.get(name) ?? openImmutable(cap);
      nodes.delete(name);
      nodes.set(name, node);
      for (const oldest of nodes.keys()) {
        if (nodes.size <= KEPT_NODES) break;
        nodes.delete(oldest);
      }
      return node;
    },
  };
}

/** All of the cap counts: two caps with one storage index may still differ in what they promise. */
function nameOf({ uebHash, needed, total, size }: ChkCap, first: Uint8Array): string {
  return [encodeBase32(first), encodeBase32(uebHash), needed, total, size].join(":");
}

function unsupported(cap: Exclude<Cap, { kind: "LIT" | "CHK" }>): GridError<"UNSUPPORTED_CAP"> {
  const kind = cap.kind === "other" ? cap.scheme : `URI:${(cap satisfies ChkVerifyCap).kind}`;
  return new GridError(
    "UNSUPPORTED_CAP",
    { kind },
    `This is a ${kind} cap. gridfetch reads immutable files: give it a URI:CHK or URI:LIT cap.`,
  );
}
