import { systemClock } from "../base/Clock.ts";
import { EventLog } from "../base/EventLog.ts";
import { announcement, answer, isQuestion } from "../channel/messages.ts";
import { createFileNodes } from "../files/createFileNodes.ts";
import { FailurePacer } from "../http/FailurePacer.ts";
import { handleGridRequest } from "../http/handleGridRequest.ts";
import { isGridUrl } from "../http/parseGridUrl.ts";
import { fetchTransport } from "../servers/fetchTransport.ts";
import { StaticServerList } from "../servers/StaticServerList.ts";
import { serversFromConfig } from "../servers/serversFromConfig.ts";
import { GridSource } from "./GridSource.ts";

/**
 * The ready-made Service Worker, and the one place where the parts are put together. It answers for grid URLs under its
 * scope and leaves all else alone. It may be ended at any moment: nothing here outlives it that cannot be made anew.
 */
declare const self: ServiceWorkerGlobalScope;

const scope = new URL(self.registration.scope);
const clock = systemClock;
const grid = new GridSource(new URL("grid.json", scope), (config) =>
  createFileNodes({
    servers: new StaticServerList(
      serversFromConfig(config, (address, name) => ("url" in address ? fetchTransport(address.url, name) : undefined)),
    ),
    clock,
    log: new EventLog(clock),
  }),
);
const failures = new FailurePacer(clock);
let streams = 0;

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (isGridUrl(new URL(event.request.url), scope)) event.respondWith(respond(event));
});

self.addEventListener("message", (event) => {
  const [port] = event.ports;
  if (port !== undefined && isQuestion(event.data)) event.waitUntil(reply(event.data.kind, port));
});

async function respond(event: FetchEvent): Promise<Response> {
  const response = await handleGridRequest(event.request, {
    base: scope,
    open: async (cap) => (await grid.files()).open(cap),
    clock,
    failures,
    streaming: (ended) => event.waitUntil(countStream(ended)),
  });
  if (response.status === TOO_FEW_SHARES) grid.doubt();
  return response;
}

/** Perhaps the servers have moved. */
const TOO_FEW_SHARES = 410;

/** Tells the pages that a stream begins: those that hear it keep the worker alive. */
async function countStream(ended: Promise<void>): Promise<void> {
  streams++;
  await Promise.allSettled([announceStreaming(), ended]);
  streams--;
}

async function announceStreaming(): Promise<void> {
  for (const client of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) {
    client.postMessage(announcement("streaming"));
  }
}

async function reply(kind: "claim" | "ping", port: MessagePort): Promise<void> {
  if (kind === "ping") return port.postMessage(answer("ping", { streams }));
  await self.clients.claim();
  port.postMessage(answer("claim", {}));
}
