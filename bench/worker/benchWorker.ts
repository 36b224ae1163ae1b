import { createGridHandler } from "../../src/worker/createGridHandler.ts";
import { comparePipeline, isPipelineQuestion } from "./comparePipeline.ts";

/**
 * The Service Worker as it is shipped, and beside it, so that both meet the same conditions, what its speed is compared with:
 * `/bench/pump/<path>` is a plain fetch whose body is pumped through a stream in script, as a worker that looks at the bytes must do
 * at least; `/bench/pass/<path>` is a fetch that is handed on.
 */
declare const self: ServiceWorkerGlobalScope;

const handler = createGridHandler({ takesOver: true, tahoeForms: true });

self.addEventListener("fetch", (event) => {
  if (handler.match(event.request)) return event.respondWith(handler.handle(event));
  const [, way, path] = /^\/bench\/(pump|pass)(\/.*)$/.exec(new URL(event.request.url).pathname) ?? [];
  if (path === undefined) return;
  const fetched = fetch(path, { cache: "no-store" });
  event.respondWith(way === "pass" ? fetched : fetched.then(pump));
});

self.addEventListener("message", (event) => {
  const [port] = event.ports;
  const question: unknown = event.data;
  if (port === undefined || !isPipelineQuestion(question)) return;
  const answered = comparePipeline(question).then(
    (rounds) => port.postMessage({ rounds }),
    (error: unknown) => port.postMessage({ error: String(error) }),
  );
  event.waitUntil(answered);
});

function pump({ body, headers }: Response): Response {
  const reader = (body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  const pumped = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return new Response(pumped, { headers: { "Content-Length": headers.get("Content-Length") ?? "" } });
}
