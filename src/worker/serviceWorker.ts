import { DEFAULT_PREFIX } from "../http/GridPaths.ts";
import { composeGridHandler } from "./createGridHandler.ts";
import { scriptParts } from "./scriptParts.ts";

/**
 * The ready-made Service Worker. It answers for grid URLs under its scope and leaves all else alone. Which URLs these are is said
 * in its script's own: `gridfetch-worker.js?prefix=films&tahoe-forms&timing`.
 */
declare const self: ServiceWorkerGlobalScope;

scriptParts.install();
const options = new URLSearchParams(self.location.search);
const handler = composeGridHandler(
  {
    takesOver: true,
    prefix: options.get("prefix") ?? DEFAULT_PREFIX,
    tahoeForms: options.has("tahoe-forms"),
    timing: options.has("timing"),
  },
  scriptParts,
);

self.addEventListener("fetch", (event) => {
  if (handler.match(event.request)) event.respondWith(handler.handle(event));
});
