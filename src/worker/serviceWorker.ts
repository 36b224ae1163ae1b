import { createGridHandler } from "./createGridHandler.ts";

/** The ready-made Service Worker. It answers for grid URLs under its scope and leaves all else alone. */
declare const self: ServiceWorkerGlobalScope;

const handler = createGridHandler();

self.addEventListener("install", (event) => {
  // The first one may start at once. A later one waits until its pages say that nothing streams (client/letUpdateIn.ts):
  // Firefox cuts the streams of a worker that is replaced.
  if (self.registration.active === null) event.waitUntil(self.skipWaiting());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (handler.match(event.request)) event.respondWith(handler.handle(event));
});
