import type { Clock } from "../base/Clock.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { Limits } from "../base/limits.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import type { HealthBook } from "../servers/ServerHealth.ts";
import type { ServerList } from "../servers/ServerList.ts";

/** What every part of one file's download works with. */
export interface DownloadContext {
  readonly servers: ServerList;
  readonly health: HealthBook;
  readonly codec: ErasureCodec;
  readonly clock: Clock;
  readonly limits: Limits;
  /** The node's scope. */
  readonly scope: LogScope;
  /** Base32, as servers want it. */
  readonly storageIndexText: string;
  /** Bytes so far, to keep hedging within its budget. */
  readonly traffic: { received: number; hedged: number };
}
