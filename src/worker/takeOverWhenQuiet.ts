declare const self: ServiceWorkerGlobalScope;

/**
 * The first worker of a scope starts at once and takes the pages that are open. A later one waits, since Firefox cuts
 * the streams of a worker that is replaced: its pages tell it when nothing streams (client/letUpdateIn.ts), and without
 * pages the browser starts it by itself.
 */
export function takeOverWhenQuiet(): void {
  self.addEventListener("install", (event) => {
    if (self.registration.active === null) event.waitUntil(self.skipWaiting());
  });
  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
}
