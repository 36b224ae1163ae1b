import type { jsonFault } from "../base/jsonFault.ts";
import type { BrowserFetches } from "../offline/BrowserFetches.ts";
import type { OfflineService } from "../offline/OfflineService.ts";
import type { checkGrid } from "../servers/checkGrid.ts";
import type { Relays } from "../servers/Relays.ts";
import type { relayTransport } from "../servers/relayTransport.ts";
import type { TlsEngine } from "../servers/TlsEngine.ts";
import type { loadTls } from "./loadTls.ts";
import type { webSocketStream } from "./webSocketStream.ts";

/** See relayPart.ts. */
export interface RelayPart {
  readonly relayTransport: typeof relayTransport;
  readonly Relays: typeof Relays;
  readonly TlsEngine: typeof TlsEngine;
  readonly loadTls: typeof loadTls;
  readonly webSocketStream: typeof webSocketStream;
}

/** See checkPart.ts. */
export interface CheckPart {
  readonly checkGrid: typeof checkGrid;
  readonly jsonFault: typeof jsonFault;
}

/** See keepPart.ts. */
export interface KeepPart {
  readonly OfflineService: typeof OfflineService;
  readonly BrowserFetches: typeof BrowserFetches;
}

/** Parts that most workers never need. A worker that is bundled has them in it; the ready-made one loads their scripts. */
export interface WorkerParts {
  relay(): RelayPart;
  check(): CheckPart;
  keep(): KeepPart;
}
