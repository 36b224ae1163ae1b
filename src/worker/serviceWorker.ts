import { createGridHandler } from "./createGridHandler.ts";

/** The ready-made Service Worker. It answers for grid URLs under its scope and leaves all else alone. */
declare const self: ServiceWorkerGlobalScope;

const handler = createGridHandler({ takesOver: true });

self.addEventListener("fetch", (event) => {
  if (handler.match(event.request)) event.respondWith(handler.handle(event));
});
