import { beforeEach, describe, expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import { defaultLimits } from "../base/limits.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { FallbackTransport } from "./FallbackTransport.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";

const { addressPatience, addressRetry } = defaultLimits;
type Behaviour = number | "refused" | "silent";

/** An address that answers with a status, is refused, or says nothing until it is called off. */
class FakeWay implements HttpTransport {
  behaviour: Behaviour;
  /** Milliseconds to the head. */
  delay = 0;
  readonly asked: HttpRequest[] = [];
  inFlight = 0;
  discarded = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, behaviour: Behaviour) {
    this.#clock = clock;
    this.behaviour = behaviour;
  }

  async request(request: HttpRequest): Promise<HttpReply> {
    this.asked.push(request);
    this.inFlight++;
    try {
      await this.#clock.sleep(this.behaviour === "silent" ? 1e9 : this.delay, request.signal);
    } finally {
      this.inFlight--;
    }
    if (typeof this.behaviour === "string")
      throw new GridError("SERVER_UNREACHABLE", { server: "oak", reason: "ECONNREFUSED" }, "refused");
    const discard = async (): Promise<IteratorResult<Uint8Array>> => {
      this.discarded++;
      return { done: true, value: undefined };
    };
    const next = async (): Promise<IteratorResult<Uint8Array>> => ({ done: true, value: undefined });
    return {
      status: this.behaviour,
      header: () => undefined,
      body: { [Symbol.asyncIterator]: () => ({ next, return: discard }) },
    };
  }
}

let clock: VirtualClock;
let first: FakeWay;
let second: FakeWay;
let transport: FallbackTransport;

beforeEach(() => {
  clock = new VirtualClock();
  first = new FakeWay(clock, 200);
  second = new FakeWay(clock, 200);
  transport = new FallbackTransport([first, second], "oak", clock, defaultLimits);
});

function ask(signal = new AbortController().signal, method: HttpRequest["method"] = "GET"): Promise<HttpReply> {
  return transport.request({ method, path: "/share", headers: { Range: "bytes=0-1" }, signal });
}

const answer = async () => (await clock.runUntil(ask())).status;
const counts = () => [first.asked.length, second.asked.length];

describe("FallbackTransport", () => {
  it("asks the first address only, while it works", async () => {
    for (let i = 0; i < 3; i++) expect(await answer()).toBe(200);
    expect(counts()).toEqual([3, 0]);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each<Behaviour>(["refused", 502, 503, 504])(
    "goes on to the next where one is %s, and stays there",
    async (how) => {
      first.behaviour = how;
      second.behaviour = 206;
      for (let i = 0; i < 3; i++) expect(await answer()).toBe(206);
      expect(counts()).toEqual([1, 3]);
      expect(second.asked[0]).toMatchObject({ path: "/share", headers: { Range: "bytes=0-1" } });
      if (typeof how === "number") expect(first.discarded).toBe(1);
    },
  );

  it.each([401, 404, 416, 500])("takes HTTP %s for the server's own answer", async (status) => {
    first.behaviour = status;
    expect(await answer()).toBe(status);
    expect(counts()).toEqual([1, 0]);
  });

  it("leaves a silent address after a while, called off, and waits longer each time", async () => {
    first.behaviour = "silent";
    second.behaviour = "refused";
    const waited: number[] = [];
    for (let i = 0; i < 3; i++) {
      const began = clock.now();
      await expect(clock.runUntil(ask())).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
      waited.push(clock.now() - began);
    }
    expect(waited).toEqual([addressPatience, 2 * addressPatience, 4 * addressPatience]);
    expect(first.inFlight).toBe(0);
  });

  it("never asks two addresses at once for the same request", async () => {
    first.delay = addressPatience + 1;
    second.delay = 10;
    const reply = ask();
    await clock.run(addressPatience - 1);
    expect([first.inFlight, second.inFlight]).toEqual([1, 0]);
    await clock.run(2);
    expect([first.inFlight, second.inFlight]).toEqual([0, 1]);
    await clock.runUntil(reply);
  });

  it("does not hurry an address that has answered lately: it is slow and not dead", async () => {
    await answer();
    first.delay = 3 * addressPatience;
    expect(await answer()).toBe(200);
    expect(counts()).toEqual([2, 0]);
  });

  it("hurries it again once a caller has met nothing but silence", async () => {
    await answer();
    first.behaviour = "silent";
    const patient = new AbortController();
    const waiting = ask(patient.signal);
    waiting.catch(() => undefined);
    await clock.run(addressPatience);
    patient.abort(new Error("stalled"));
    await expect(waiting).rejects.toThrow("stalled");
    expect(counts()).toEqual([2, 0]);
    expect(await answer()).toBe(200);
    expect(counts()).toEqual([3, 1]);
  });

  it("gives the last address as long as the caller does", async () => {
    first.behaviour = "refused";
    second.delay = 10 * addressPatience;
    expect(await answer()).toBe(200);
  });

  it("ends with the caller's reason and tries nothing more", async () => {
    first.behaviour = "silent";
    const reason = new Error("enough");
    const caller = new AbortController();
    const waiting = ask(caller.signal);
    waiting.catch(() => undefined);
    await clock.run(10);
    caller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(counts()).toEqual([1, 0]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("says of every address why it failed", async () => {
    first.behaviour = "silent";
    second.behaviour = "refused";
    await expect(clock.runUntil(ask())).rejects.toMatchObject({
      code: "SERVER_UNREACHABLE",
      details: { server: "oak", reason: "address 1: no answer in 4 s; address 2: ECONNREFUSED" },
    });
  });

  it("gives the proxy's own answer where all are proxies without their server", async () => {
    first.behaviour = 502;
    second.behaviour = 504;
    expect(await answer()).toBe(504);
  });

  it("comes back to a server whose addresses were all away", async () => {
    first.behaviour = "refused";
    second.behaviour = "refused";
    await expect(clock.runUntil(ask())).rejects.toThrow();
    first.behaviour = 200;
    expect(await answer()).toBe(200);
  });

  it("does not repeat what must not be done twice", async () => {
    first.behaviour = "refused";
    await expect(clock.runUntil(ask(undefined, "POST"))).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(second.asked).toEqual([]);
  });
});

describe("a better address", () => {
  beforeEach(async () => {
    first.behaviour = "refused";
    await answer();
    first.asked.length = 0;
    second.asked.length = 0;
  });

  it("is tried beside a request after a while, without the swissnum, and used again when it answers", async () => {
    await clock.run(addressRetry - 1);
    await answer();
    expect(first.asked).toEqual([]);
    await clock.run(1);
    first.behaviour = 401;
    await answer();
    await clock.run(1);
    expect(first.asked).toMatchObject([{ method: "GET", path: "/storage/v1/version" }]);
    expect(first.asked[0]?.headers).not.toHaveProperty("Authorization");
    first.behaviour = 206;
    expect(await answer()).toBe(206);
    expect(counts()).toEqual([2, 2]);
  });

  it.each<Behaviour>(["refused", "silent", 503])(
    "that is still %s holds up no request, and is tried less often",
    async (how) => {
      first.behaviour = how;
      const tried: number[] = [];
      for (let second = 0; second < 8 * 60; second++) {
        const before = first.asked.length;
        const began = clock.now();
        expect(await answer()).toBe(200);
        expect(clock.now()).toBe(began);
        if (first.asked.length > before) tried.push(second);
        await clock.run(1000);
      }
      expect(tried.length).toBe(3);
      expect(tried[2]! - tried[1]!).toBeGreaterThan(1.5 * (tried[1]! - tried[0]!));
      expect(first.inFlight).toBe(0);
    },
  );

  it("is turned to at once where the one in use fails", async () => {
    first.behaviour = 200;
    second.behaviour = "refused";
    expect(await answer()).toBe(200);
    expect(counts()).toEqual([1, 1]);
  });
});
