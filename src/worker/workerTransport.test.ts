import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { parseNurl } from "../servers/parseNurl.ts";
import { bundledParts } from "./bundledParts.ts";
import type { WorkerParts } from "./WorkerParts.ts";
import { workerTransport } from "./workerTransport.ts";

const nurl = parseNurl("pb://1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg@storage.example:3457/swissnum#v=1");
const ask = { method: "GET", path: "/x", headers: {}, signal: new AbortController().signal } as const;

afterEach(() => vi.unstubAllGlobals());

function parts(): WorkerParts & { readonly loads: () => number } {
  let loads = 0;
  return {
    ...bundledParts,
    relay() {
      loads++;
      return bundledParts.relay();
    },
    loads: () => loads,
  };
}

it("asks a server by fetch, and loads nothing for it", async () => {
  const fetched = vi.fn(async (_: string) => new Response("yes"));
  vi.stubGlobal("fetch", fetched);
  const given = parts();
  const transport = workerTransport("https://app.example/worker.js", given)({ url: "https://oak.example/a/" }, "oak");
  expect((await transport!.request(ask)).status).toBe(200);
  expect(fetched.mock.calls[0]?.[0]).toBe("https://oak.example/a/x");
  expect(given.loads()).toBe(0);
});

it("has no way to a server that no relay leads to, and loads nothing to find that out", () => {
  const given = parts();
  expect(workerTransport("https://app.example/worker.js", given)({ nurl }, "oak")).toBeUndefined();
  expect(given.loads()).toBe(0);
});

const self = new EventTarget();
const connection = new EventTarget();
beforeEach(() => {
  vi.stubGlobal("self", self);
  vi.stubGlobal("navigator", { connection });
});

it.each([
  ["online", self],
  ["change", connection],
])(
  "looks at its connections to relays when the browser tells of a network that may have changed: %s",
  (event, target) => {
    vi.stubGlobal("navigator", { connection });
    const checked = vi.spyOn(bundledParts.relay().Relays.prototype, "check");
    workerTransport("https://app.example/worker.js", bundledParts)({ nurl, relay: "ws://relay.example/" }, "oak");
    target.dispatchEvent(new Event(event));
    expect(checked).toHaveBeenCalled();
    checked.mockRestore();
  },
);

it("says so where the browser forbids a relay's WebSocket", async () => {
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor() {
        throw new DOMException("insecure", "SecurityError");
      }
    },
  );
  const make = workerTransport("https://app.example/worker.js", bundledParts);
  const transport = make({ nurl, relay: "ws://relay.example/" }, "oak");
  await expect(transport!.request(ask)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
});
