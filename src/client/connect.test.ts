import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { failureReply, isQuestion, misunderstoodReply, type QuestionKind, reply } from "../channel/messages.ts";
import type { connect as Connect } from "./connect.ts";

const PAGE = "https://app.example/films/";
const SCRIPT = "https://app.example/gridfetch-worker.js";

/** Counts who listens. */
class Target extends EventTarget {
  listeners = 0;
  override addEventListener(...[type, listener, options]: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners++;
    super.addEventListener(type, listener, options);
  }
  override removeEventListener(...[type, listener]: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners--;
    super.removeEventListener(type, listener);
  }
}

let connect: typeof Connect;
let container: Target & { controller: unknown; register: ReturnType<typeof vi.fn>; startMessages(): void };
let page: Target;
let registration: Target & { scope: string; active: unknown };
let asked: { kind: QuestionKind; payload: unknown }[];
let readiness: "ready" | GridError | "not understood";
/** What the web server answers for the worker's script. */
let served: () => Response | Promise<Response>;
let isOnline: boolean;
let takesControl: boolean;

beforeEach(async () => {
  asked = [];
  readiness = "ready";
  isOnline = true;
  takesControl = true;
  served = () => new Response(null, { headers: { "Content-Type": "text/javascript" } });
  const worker = {
    scriptURL: SCRIPT,
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data)) throw new Error("not a question");
      asked.push({ kind: data.kind, payload: data.payload });
      if (data.kind === "profile") port.postMessage(reply("profile", { secret: new Uint8Array(32) }));
      else if (data.kind === "claim") {
        if (takesControl) Object.assign(container, { controller: worker }).dispatchEvent(new Event("controllerchange"));
        port.postMessage(reply("claim", {}));
      } else if (data.kind === "ping") port.postMessage(reply("ping", { streams: 0 }));
      else if (data.kind === "offlineWork") port.postMessage(reply("offlineWork", { keeping: 0 }));
      else if (data.kind === "configure") port.postMessage(reply("configure", { isKept: true }));
      else if (readiness === "not understood") port.postMessage(misunderstoodReply(data.kind));
      else if (readiness === "ready") port.postMessage(reply("ready", {}));
      else port.postMessage(failureReply("ready", toErrorRecord(readiness)));
      port.close();
    },
  };
  registration = Object.assign(new Target(), { scope: "https://app.example/", active: worker, waiting: null });
  container = Object.assign(new Target(), {
    controller: worker,
    register: vi.fn(async () => registration),
    startMessages: () => undefined,
  });
  page = new Target();
  vi.stubGlobal("navigator", {
    serviceWorker: container,
    get onLine() {
      return isOnline;
    },
  });
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("location", new URL(PAGE));
  vi.stubGlobal("fetch", async () => served());
  vi.resetModules();
  ({ connect } = await import("./connect.ts"));
});
afterEach(() => vi.unstubAllGlobals());

const failure = async (options?: Parameters<typeof Connect>[0]) => {
  const error = await connect(options).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "GridError" });
  const { code, details, message } = error as GridError;
  expect(message).toMatch(/[^.]\.$/);
  return { code, details, message };
};
const kinds = () => asked.map(({ kind }) => kind).filter((kind) => kind !== "ping" && kind !== "offlineWork");

describe("called again and again", () => {
  it("gives one grid, and leaves as many listeners as one call", async () => {
    const grid = await connect();
    const listeners = () => [container, page, registration].map((target) => target.listeners);
    const before = listeners();
    for (let i = 0; i < 500; i++) expect(await connect()).toBe(grid);
    const atOnce = await Promise.all(Array.from({ length: 500 }, () => connect()));
    expect(new Set(atOnce)).toEqual(new Set([grid]));
    expect(listeners()).toEqual(before);
    expect(kinds()).toEqual(["profile", "ready"]);
  });

  it("has the worker get ready again when the page is looked at after a pause, and not after a glance elsewhere", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      await connect();
      const show = (visibilityState: string) =>
        void Object.assign(page, { visibilityState }).dispatchEvent(new Event("visibilitychange"));
      const returnAfter = async (seconds: number) => {
        show("hidden");
        vi.setSystemTime(Date.now() + seconds * 1000);
        show("visible");
        await vi.waitFor(() => undefined);
        return kinds().filter((kind) => kind === "ready").length;
      };
      expect(await returnAfter(5)).toBe(1);
      expect(await returnAfter(60)).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("has the worker get ready again when the network is back", async () => {
    await connect();
    page.dispatchEvent(new Event("online"));
    await vi.waitFor(() => expect(kinds().filter((kind) => kind === "ready")).toHaveLength(2));
  });

  it("registers once for calls at the same time", async () => {
    await Promise.all([connect(), connect()]);
    expect(container.register).toHaveBeenCalledTimes(1);
  });

  it("applies the options of each call", async () => {
    await connect();
    await connect({ secrets: { one: "first" } });
    await connect({ secrets: { one: "second" } });
    const configured = asked.filter(({ kind }) => kind === "configure").map(({ payload }) => payload);
    expect(configured).toEqual([{ secrets: { one: "first" } }, { secrets: { one: "second" } }]);
  });

  it("tries again after a failure", async () => {
    container.register.mockRejectedValueOnce(new TypeError("failed"));
    await failure();
    await connect();
  });
});

describe("a configuration that cannot be used", () => {
  const missing = new GridError("BAD_CONFIG", { reason: "x" }, "The grid's configuration cannot be used: x.");

  it("is what it rejects with, each time", async () => {
    readiness = missing;
    expect(await failure()).toEqual({ code: "BAD_CONFIG", details: { reason: "x" }, message: missing.message });
    expect(await failure()).toMatchObject({ code: "BAD_CONFIG" });
    readiness = "ready";
    await connect();
  });

  it("is no matter to a page that configures later, until it says otherwise", async () => {
    readiness = missing;
    await connect({ config: "later" });
    expect(kinds()).not.toContain("configure");
    expect(await failure()).toMatchObject({ code: "BAD_CONFIG" });
  });

  it("is not known to an older worker, which is used all the same", async () => {
    readiness = "not understood";
    await connect();
  });

  it("is looked for again where a page takes back its own", async () => {
    await connect();
    await connect({ config: null });
    expect(kinds()).toEqual(["profile", "ready", "configure", "ready"]);
  });
});

describe("a worker that is not there yet", () => {
  const coming = (state: string) => Object.assign(new Target(), { state });
  const reach = (worker: Target & { state: string }, state: string) => {
    worker.state = state;
    worker.dispatchEvent(new Event("statechange"));
  };

  it.each(["installing", "waiting"])("is waited for while it is %s", async (place) => {
    const worker = coming("installing");
    const { active } = registration;
    Object.assign(registration, { active: null, [place]: worker });
    const connecting = connect();
    await vi.waitFor(() => expect(worker.listeners).toBe(1));
    reach(worker, "installed");
    expect(worker.listeners).toBe(1);
    registration.active = active;
    reach(worker, "activated");
    await connecting;
    expect(worker.listeners).toBe(0);
  });

  it.each([
    ["no worker controls it", null],
    ["an app's other worker does", { scriptURL: "https://app.example/other.js" }],
  ])("takes the page where %s", async (_, controller) => {
    container.controller = controller;
    await connect();
    expect(kinds()).toEqual(["claim", "profile", "ready"]);
    expect(container.controller).toBe(registration.active);
  });

  it("may be removed meanwhile, which is said", async () => {
    Object.assign(registration, { active: null, waiting: null, installing: null });
    expect(await failure()).toMatchObject({
      details: { reason: "registration" },
      message: expect.stringMatching(/it was removed while/),
    });
  });

  describe("is not waited for without end", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
    afterEach(() => void vi.useRealTimers());

    const failureAfter = async (seconds: number) => {
      let isOver = false;
      const failing = failure().finally(() => {
        isOver = true;
      });
      await vi.advanceTimersByTimeAsync((seconds - 1) * 1_000);
      expect(isOver).toBe(false);
      await vi.advanceTimersByTimeAsync(1_000);
      return failing;
    };

    it("while it is installed", async () => {
      Object.assign(registration, { active: null, installing: coming("installing") });
      expect(await failureAfter(120)).toMatchObject({
        details: { reason: "timeout" },
        message: /scripts were not there/,
      });
    });

    it("where it does not get control of the page", async () => {
      takesControl = false;
      container.controller = null;
      expect(await failureAfter(20)).toMatchObject({
        details: { reason: "timeout" },
        message: expect.stringMatching(/did not take control/),
      });
    });
  });
});

describe("a worker that cannot be had", () => {
  beforeEach(() => void container.register.mockRejectedValue(new TypeError("The browser's words..")));

  it("CON-1 is missing: the command that installs it, and what to do under another path", async () => {
    served = () => new Response("", { status: 404 });
    expect(await failure()).toMatchObject({ code: "NO_WORKER", details: { reason: "registration" } });
    const { message } = await failure();
    expect(message).toContain(
      "/gridfetch-worker.js is not on the web server (HTTP 404). npx gridfetch install <folder>",
    );
    expect(message).toContain('connect({ workerUrl: "');
    expect((await failure({ workerUrl: "/sw.js" })).message).not.toContain("npx");
  });

  it("CON-2 is a page: the same", async () => {
    served = () => new Response("<!doctype html>", { headers: { "Content-Type": "text/html; charset=utf-8" } });
    expect((await failure()).message).toMatch(/is an HTML page, .*npx gridfetch install <folder>/);
  });

  it("CON-3 fails while it is installed: the scripts that it needs", async () => {
    const coming = Object.assign(new Target(), { state: "installing" });
    Object.assign(registration, { active: null, installing: coming });
    container.register.mockResolvedValue(registration);
    const failing = failure();
    await vi.waitFor(() => expect(coming.listeners).toBe(1));
    coming.state = "redundant";
    coming.dispatchEvent(new Event("statechange"));
    expect((await failing).message).toMatch(
      /failed while it was being installed.*gridfetch-relay\.js.*npx gridfetch install/,
    );
    expect(coming.listeners).toBe(0);
  });

  it("CON-4 is for another folder: where to put it, and the header", async () => {
    registration.scope = "https://app.example/sw/";
    container.register.mockResolvedValue(registration);
    const { details, message } = await failure({ workerUrl: "/sw/gridfetch-worker.js" });
    expect(details).toEqual({ reason: "scope" });
    expect(message).toMatch(/answers for https:\/\/app\.example\/sw\/ only.*Service-Worker-Allowed: \//);
  });

  it("CON-5 may not have the scope that is wanted: the header that allows it", async () => {
    const { message } = await failure({ workerUrl: "/sw/gridfetch-worker.js", scope: "/" });
    expect(message).toMatch(/The browser's words\. A scope above .*Service-Worker-Allowed/);
  });

  it.each([
    ["CON-6", "require-trusted-types-for", "TrustedScriptURL"],
    ["CON-7", "worker-src", "Add worker-src 'self'"],
  ])("%s is forbidden by the page's policy (%s)", async (_, effectiveDirective, words) => {
    container.register.mockImplementation(async () => {
      // As browsers do it: the event after the failure.
      const violation = Object.assign(new Event("securitypolicyviolation"), {
        effectiveDirective,
        disposition: "enforce",
      });
      setTimeout(() => page.dispatchEvent(violation));
      throw new TypeError("The browser's words.");
    });
    expect((await failure()).message).toContain(words);
    expect(page.listeners).toBe(0);
  });

  it("CON-15 is not installed yet, and there is no network", async () => {
    served = () => Promise.reject(new TypeError("failed"));
    isOnline = false;
    expect((await failure()).message).toContain("there is no network, and it is not installed yet");
    isOnline = true;
    expect((await failure()).message).toContain(
      "did not accept /gridfetch-worker.js as its script: The browser's words.",
    );
  });

  it("is on another origin", async () => {
    expect((await failure({ workerUrl: "https://cdn.example/gridfetch-worker.js" })).message).toContain("own origin");
  });
});

describe("where there are no Service Workers", () => {
  it("CON-12 in Node, and in jsdom, it rejects and throws nothing else", async () => {
    vi.unstubAllGlobals();
    expect(await failure()).toMatchObject({ code: "NO_WORKER", message: expect.stringContaining("for web pages") });
    // jsdom has a document and a navigator, and knows of no secure context.
    vi.stubGlobal("document", page);
    vi.stubGlobal("navigator", { userAgent: "jsdom" });
    expect(await failure()).toMatchObject({
      details: { reason: "unsupported" },
      message: expect.stringContaining("jsdom"),
    });
  });

  it("CON-13 a page that is neither on https:// nor on localhost is told so", async () => {
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("isSecureContext", false);
    expect(await failure()).toMatchObject({
      details: { reason: "insecure" },
      message: expect.stringContaining("https://"),
    });
  });
});
