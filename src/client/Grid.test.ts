import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../base/Entry.ts";
import { type Answer, announcement, isNeverMind, isQuestion, misunderstoodReply, reply } from "../channel/messages.ts";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";

describe("a wrong argument is told as such, and the worker is not asked", () => {
  const scope = new URL("https://app.example/sub/");
  const controller = { postMessage: () => expect.fail("asked") };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(scope, new Uint8Array(32), true, container));
  // As JavaScript does it.
  const any = (value: unknown) => value as never;

  it.each<[argument: string, call: () => unknown]>([
    ["url", () => grid.revoke("https://elsewhere.example/")],
    ["url", () => grid.revoke("https://app.example/sub/grid/short")],
    ["url", () => grid.revoke(any(undefined))],
    ["id", () => grid.pauseKeeping("x")],
    ["id", () => grid.resumeKeeping(any(undefined))],
    ["id", () => grid.removeKept("URI:CHK:hidden")],
    ["grid", () => grid.keep("URI:CHK:hidden", { grid: any(7) })],
    ["grid", () => grid.list("URI:DIR2:hidden", { grid: any(7) }).next()],
    ["offset", () => grid.prefetch("URI:CHK:hidden", { offset: -1 })],
    ["length", () => grid.prefetch("URI:CHK:hidden", { length: 2 ** 30 })],
    ["length", () => grid.prefetch("URI:CHK:hidden", { length: 1.5 })],
    [
      "limit",
      () => {
        grid.backgroundLimit = 0;
      },
    ],
    [
      "limit",
      () => {
        grid.backgroundLimit = any("fast");
      },
    ],
    ["filename", () => grid.info("URI:CHK:hidden", { filename: any(7) })],
    ["config", () => grid.configure({ config: any({ servers: [() => "URI:CHK:hidden"] }) })],
    ["secrets", () => grid.configure({ secrets: any({ one: Symbol("URI:CHK:hidden") }) })],
  ])("%s (%#)", async (argument, call) => {
    const error = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "BAD_ARGUMENT", details: { argument } });
    expect(JSON.stringify([error, (error as Error).message])).not.toContain("hidden");
  });
});

it.each<[call: string, (grid: Grid, wrong: never) => unknown]>([
  ["url", (grid, wrong) => grid.url(wrong)],
  ["open", (grid, wrong) => grid.open(wrong)],
  ["keep", (grid, wrong) => grid.keep(wrong)],
  ["keepOf", (grid, wrong) => grid.keepOf(wrong)],
  ["list", (grid, wrong) => grid.list(wrong).next()],
  ["info", (grid, wrong) => grid.info(wrong)],
  ["prefetch", (grid, wrong) => grid.prefetch(wrong)],
])("%s of what is no cap at all says so, and asks no worker", async (_, call) => {
  const scope = new URL("https://app.example/");
  const controller = { postMessage: () => expect.fail("asked") };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(scope, new Uint8Array(32), true, container));
  for (const wrong of [undefined, null, {}, 7]) {
    const error = await (async () => call(grid, wrong as never))().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "BAD_CAP" });
  }
});

it("makes URLs under its scope that hold nothing of the cap", () => {
  const scope = new URL("https://app.example/sub/");
  const container = Object.assign(new EventTarget(), { controller: null }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), true, container));
  expect(grid.url("URI:LIT:my", { filename: "film.webm" })).toMatch(
    /^https:\/\/app\.example\/sub\/grid\/[\w-]{22}\/file\.webm$/,
  );
});

it("says to each worker that asks what it has configured and no worker could keep, all of it", async () => {
  const scope = new URL("https://app.example/");
  const told: unknown[] = [];
  let isKept = false;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "configure") throw new Error("not asked");
      told.push(data.payload);
      port.postMessage(reply("configure", { isKept }));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), true, container));
  const config = { servers: [] };
  expect(await grid.configure({ config })).toBe(false);
  expect(await grid.configure({ secrets: { oak: "x" } })).toBe(false);
  const ask = async () => {
    const before = told.length;
    container.dispatchEvent(new MessageEvent("message", { data: announcement("settingsWanted", {}) }));
    await vi.waitFor(() => expect(told.length).toBe(before + 1));
    return told.at(-1);
  };
  expect(await ask()).toEqual({ config, secrets: { oak: "x" } });
  isKept = true;
  await grid.configure({ secrets: null });
  expect(await ask()).toEqual({});
});

describe("what is fetched ahead", () => {
  const scope = new URL("https://app.example/");
  let asked: unknown[];
  let knows: boolean;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data)) throw new Error("not asked");
      asked.push([data.kind, data.payload]);
      port.postMessage(knows ? reply("prefetch", {}) : misunderstoodReply("prefetch"));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), true, container));
  beforeEach(() => {
    asked = [];
    knows = true;
    vi.stubGlobal("navigator", {});
  });
  afterEach(() => vi.unstubAllGlobals());

  it("is a file's first MiB unless told otherwise, and the limit goes with it", async () => {
    grid.backgroundLimit = 50_000;
    expect(await grid.prefetch(" URI:LIT:my ", { grid: "one" })).toBe(true);
    grid.backgroundLimit = undefined;
    expect(await grid.prefetch("URI:LIT:my", { offset: 5, length: 6 })).toBe(true);
    const first = { cap: "URI:LIT:my", grid: "one", offset: 0, length: 2 ** 20, limit: 50_000 };
    const second = { cap: "URI:LIT:my", grid: "", offset: 5, length: 6, limit: undefined };
    expect(asked).toEqual([
      ["prefetch", first],
      ["prefetch", second],
    ]);
  });

  it("is nothing where the person saves data, nor by a worker that does not know of it", async () => {
    vi.stubGlobal("navigator", { connection: { saveData: true } });
    expect(await grid.prefetch("URI:LIT:my")).toBe(false);
    expect(asked).toEqual([]);
    vi.stubGlobal("navigator", { connection: { saveData: false } });
    knows = false;
    expect(await grid.prefetch("URI:LIT:my")).toBe(false);
    expect(asked).toHaveLength(1);
  });
});

describe("the list of a folder", () => {
  const scope = new URL("https://app.example/");
  const entry = (name: string) => ({ name }) as Entry;
  let asked: unknown[];
  let left: boolean;
  let isSilent: boolean;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "list") throw new Error("not asked");
      asked.push(data.payload);
      port.onmessage = (event) => {
        left ||= isNeverMind(event.data, "list");
        port.close();
      };
      if (isSilent) return;
      const entries = [entry(`${data.payload.from}`), entry(`${data.payload.from + 1}`)];
      port.postMessage(
        reply("list", { entries, version: "1-a", next: data.payload.from < 4 ? data.payload.from + 2 : undefined }),
      );
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(scope, new Uint8Array(32), true, container));
  beforeEach(() => {
    asked = [];
    left = false;
    isSilent = false;
  });

  it("W-08: is asked for part by part, of one version, and no further than it is read", async () => {
    const names: string[] = [];
    for await (const { name } of grid.list("see URI:DIR2:x")) names.push(name);
    expect(names).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(asked).toEqual([
      { cap: "URI:DIR2:x", grid: "", from: 0, version: undefined },
      { cap: "URI:DIR2:x", grid: "", from: 2, version: "1-a" },
      { cap: "URI:DIR2:x", grid: "", from: 4, version: "1-a" },
    ]);
    for await (const _ of grid.list("URI:DIR2:x")) break;
    expect(asked).toHaveLength(4);
  });

  it("W-10: ends with its signal, between two entries and while the worker reads, which is told", async () => {
    const stop = new AbortController();
    const list = grid.list("URI:DIR2:x", { signal: stop.signal });
    await list.next();
    stop.abort(new Error("enough"));
    await expect(list.next()).rejects.toThrow("enough");
    isSilent = true;
    const later = new AbortController();
    const waiting = grid.list("URI:DIR2:x", { signal: later.signal }).next();
    later.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await vi.waitFor(() => expect(left).toBe(true));
  });
});

describe("the local network", () => {
  const scope = new URL("https://app.example/");
  const URLS = ["http://127.0.0.1:8099/", "http://192.168.1.7/"];
  let state: PermissionState;
  let fetched: string[];
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "localNetwork") throw new Error("not asked");
      port.postMessage(reply("localNetwork", { state, urls: state === "granted" ? [] : URLS }));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(scope, new Uint8Array(32), true, container));

  /** @param said what the person says when the page asks for something there; nothing is that the question stands open */
  function browser(before: PermissionState, said?: PermissionState): void {
    state = before;
    fetched = [];
    vi.stubGlobal("fetch", async (url: string, { mode, credentials, signal }: RequestInit) => {
      fetched.push(`${mode} ${credentials} ${url}`);
      if (said === undefined)
        await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
      state = said!;
      // What is there need not answer, nor let the page see what it answers.
      throw new TypeError("Failed to fetch");
    });
  }
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ["granted", true],
    ["denied", false],
  ] as const)("is asked for by requests of the page's own, and %s", async (said, isAllowed) => {
    browser("prompt", said);
    expect(await grid.localNetwork()).toBe("prompt");
    expect(await grid.allowLocalNetwork()).toBe(isAllowed);
    expect(fetched).toEqual(URLS.map((url) => `no-cors omit ${url}`));
    expect(await grid.localNetwork()).toBe(said);
  });

  it.each([
    ["granted", true],
    ["denied", false],
  ] as const)("is not asked for again once it was %s", async (said, isAllowed) => {
    browser(said, "granted");
    expect(await grid.allowLocalNetwork()).toBe(isAllowed);
    expect(fetched).toEqual([]);
  });

  it("is waited for no longer than the caller wants to", async () => {
    browser("prompt");
    const caller = new AbortController();
    const asking = grid.allowLocalNetwork({ signal: caller.signal });
    await vi.waitFor(() => expect(fetched).toHaveLength(2));
    const reason = new Error("enough");
    caller.abort(reason);
    await expect(asking).rejects.toBe(reason);
  });
});

describe("what a page asks its browser", () => {
  const scope = new URL("https://app.example/sub/");
  let profile: object | undefined;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "profile") throw new Error("not asked");
      const known = profile as { secret: Uint8Array; isKept: boolean } | undefined;
      port.postMessage(known ? reply("profile", known) : misunderstoodReply("profile"));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), true, container));
  beforeEach(() => {
    profile = { secret: new Uint8Array(32), isKept: true };
  });
  afterEach(() => vi.unstubAllGlobals());

  it("is how much room there is, and what lasts", async () => {
    const storage = { estimate: async () => ({ usage: 5, quota: 100 }), persisted: async () => true };
    vi.stubGlobal("navigator", { storage });
    expect(await grid.storage()).toEqual({ usage: 5, quota: 100, persisted: true, keepsSecrets: true });
  });

  it("is as much as browser and worker say, where they do not say all", async () => {
    const nothing = { usage: undefined, quota: undefined, persisted: false };
    vi.stubGlobal("navigator", {});
    expect(await grid.storage()).toEqual({ ...nothing, keepsSecrets: true });
    const failing = () => Promise.reject(new TypeError("failed"));
    vi.stubGlobal("navigator", { storage: { estimate: failing, persisted: failing } });
    profile = undefined;
    expect(await grid.storage()).toEqual({ ...nothing, keepsSecrets: undefined });
  });

  it.each([
    "https://elsewhere.example/grid/x",
    "/elsewhere",
    "https://app.example/su",
    "http://[",
    "javascript:alert(1)",
  ])("is no download of %s, which is not under its scope", (url) => {
    vi.stubGlobal("document", { baseURI: "https://app.example/sub/page.html" });
    expect(() => grid.download(url, () => expect.fail())).toThrow(/under https:/);
  });

  it("is a download of a URL that is given relative to the page", () => {
    const frame = Object.assign(new EventTarget(), { src: "", remove: () => undefined });
    const page = {
      baseURI: "https://app.example/sub/page.html",
      createElement: () => frame,
      body: { append: () => undefined },
    };
    vi.stubGlobal("document", Object.assign(new EventTarget(), page));
    vi.useFakeTimers();
    grid.download("grid/HANDLE", () => expect.fail());
    expect(frame.src).toBe("https://app.example/sub/grid/HANDLE");
    vi.clearAllTimers();
    vi.useRealTimers();
  });
});

describe("a trace", () => {
  const scope = new URL("https://app.example/");
  const event = (kind: string) =>
    ({ at: 1, wallAt: 2, level: "info", scope: 3, parent: undefined, kind, fields: {} }) as const;
  let asked: unknown[];
  let answers: Answer<"trace">[];
  let left: boolean;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "trace") throw new Error("not asked");
      asked.push(data.payload);
      const next = answers.shift();
      port.onmessage = ({ data }) => {
        left ||= isNeverMind(data, "trace");
        port.close();
      };
      if (next) port.postMessage(reply("trace", next));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(scope, new Uint8Array(32), true, container));
  beforeEach(() => {
    asked = [];
    left = false;
    answers = [
      { events: [event("trace.start"), event("read.start")], lost: 0 },
      { events: [], lost: 0 },
      { events: [event("read.end")], lost: 7 },
    ];
  });

  it("BB-03 is asked for again and again, by one name, and says what was lost", async () => {
    const heard: unknown[] = [];
    for await (const { kind, fields } of grid.trace({ level: "info" })) {
      heard.push([kind, fields]);
      if (kind === "read.end") break;
    }
    expect(heard).toEqual([
      ["trace.start", {}],
      ["read.start", {}],
      ["trace.lost", { events: 7 }],
      ["read.end", {}],
    ]);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((payload) => JSON.stringify(payload))).size).toBe(1);
  });

  it("BB-03 ends with its signal, and tells the worker so", async () => {
    const stop = new AbortController();
    answers = [];
    const waiting = grid.trace({ signal: stop.signal }).next();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(left).toBe(true));
    expect(await grid.trace({ signal: stop.signal }).next()).toEqual({ done: true, value: undefined });
  });
});
