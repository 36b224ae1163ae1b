import { composeGridHandler } from "./createGridHandler.ts";
import { scriptParts } from "./scriptParts.ts";

/** The ready-made Service Worker. It answers for grid URLs under its scope and leaves all else alone. */
declare const self: ServiceWorkerGlobalScope;

scriptParts.install();
const handler = composeGridHandler({ takesOver: true }, scriptParts);

self.addEventListener("fetch", (event) => {
  if (handler.match(event.request)) event.respondWith(handler.handle(event));
});
