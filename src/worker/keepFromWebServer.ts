import { type GridPaths, gridPathPatterns } from "../http/GridPaths.ts";

declare const self: ServiceWorkerGlobalScope;

/** Where the browser has static routing. */
interface RoutingInstallEvent extends ExtendableEvent {
  addRoutes?(rules: readonly { condition: { urlPattern: URLPatternInit }; source: "fetch-event" }[]): Promise<void>;
}

/**
 * Has grid URLs asked of the worker alone. While a worker is being started for a navigation, browsers may ask the web server for the
 * same address, to lose no time: Chromium does so by itself unless a static route forbids it, all do where an earlier worker of
 * this scope has turned navigation preload on. What such an address holds is not for the web server.
 */
export function keepFromWebServer(paths: GridPaths): void {
  self.addEventListener("install", (event: RoutingInstallEvent) => {
    const rules = gridPathPatterns(paths).map((pathname) => ({
      condition: { urlPattern: { pathname } },
      source: "fetch-event" as const,
    }));
    // Where it fails the worker is not installed: an app that says so is better than caps in a log.
    if (event.addRoutes !== undefined) event.waitUntil(event.addRoutes(rules));
  });
  self.addEventListener("activate", (event) => event.waitUntil(self.registration.navigationPreload?.disable()));
}
