import type { Clock } from "../base/Clock.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { Limits } from "../base/limits.ts";
import type { Slots } from "../base/Slots.ts";
import type { AwayServers } from "../cache/AwayServers.ts";
import type { CachedFile } from "../cache/CachedFile.ts";
import type { SegmentCache } from "../cache/SegmentCache.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import type { HealthBook } from "../servers/HealthBook.ts";
import type { Server } from "../servers/Server.ts";
import type { ServerList } from "../servers/ServerList.ts";
import type { StorageClient } from "../servers/StorageClient.ts";
import type { SegmentSizes } from "./SegmentSizes.ts";

/** What every part of one file's download works with. */
export interface DownloadContext {
  readonly servers: ServerList;
  /** A server's shares of this kind of file: servers keep immutable and mutable ones apart. */
  storageOf(server: Server): StorageClient;
  readonly health: HealthBook;
  readonly codec: ErasureCodec;
  /** For segments that are being decoded, checked and shown to their readers. */
  readonly decoding: Slots;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly segmentSizes: SegmentSizes;
  /** The node's scope. */
  readonly scope: LogScope;
  /** Base32, as servers want it. */
  readonly storageIndexText: string;
  /** Bytes so far, to keep hedging within its budget. */
  readonly traffic: { received: number; hedged: number };
  /** Ciphertext of segments that were verified lately, of all files: by `segmentPrefix` and the segment's number. */
  readonly segmentCache: SegmentCache;
  /** Tells apart files that may differ in their segments. */
  readonly segmentPrefix: string;
  /** What outlives this program, where there is such a thing. */
  readonly cachedFile: CachedFile | undefined;
  /** Undefined for a file that changes: a server that was away may have a newer version now. */
  readonly away: AwayServers | undefined;
}
