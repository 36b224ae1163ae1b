import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { workerSurroundings } from "./workerSurroundings.ts";

let scope: EventTarget;
beforeEach(() => {
  vi.useFakeTimers();
  scope = new EventTarget();
  vi.stubGlobal("self", scope);
  vi.stubGlobal("navigator", { onLine: true });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const begin = (state: PermissionState = "granted") => workerSurroundings(async () => ({ state, urls: [] }));

/** The page's policy, as the worker has it, has kept something back. */
function violate(blockedURI: string, traits: object = {}): void {
  const violation = { blockedURI, disposition: "enforce", effectiveDirective: "connect-src", ...traits };
  scope.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), violation));
}

describe("what a Content-Security-Policy keeps back", () => {
  it("is told by origins, each once, and at most ten", async () => {
    const { forbidden } = begin();
    violate("https://oak.example/storage/v1/immutable/secret");
    violate("https://oak.example/else");
    violate("wss://relay.example/");
    expect(await forbidden()).toEqual(["https://oak.example", "wss://relay.example"]);
    for (let i = 0; i < 20; i++) violate(`https://server-${i}.example/`);
    expect(await forbidden()).toHaveLength(10);
  });

  it.each([
    ["is only reported", "https://oak.example/", { disposition: "report" }],
    ["is no connection", "https://oak.example/", { effectiveDirective: "script-src" }],
    ["has no origin", "inline", {}],
  ])("is not told where it %s", async (_, blockedURI, traits) => {
    const { forbidden } = begin();
    violate(blockedURI, traits);
    const told = forbidden();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await told).toEqual([]);
  });

  it("is waited for a moment, since the browser tells of it after the request has failed", async () => {
    const told = begin().forbidden();
    await vi.advanceTimersByTimeAsync(2);
    violate("https://oak.example/");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await told).toEqual(["https://oak.example"]);
  });
});

it.each([
  ["granted", false],
  ["prompt", true],
  ["denied", true],
] as const)("where the local network is %s, that it is kept back is %s", async (state, isKept) => {
  expect(await begin(state).isKeptFromLocalNetwork()).toBe(isKept);
});
