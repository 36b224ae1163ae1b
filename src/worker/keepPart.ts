/** What fetches files to keep them offline: most visitors keep none. A script of its own for the ready-made worker. */
export { BrowserFetches } from "../offline/BrowserFetches.ts";
export { OfflineService } from "../offline/OfflineService.ts";
