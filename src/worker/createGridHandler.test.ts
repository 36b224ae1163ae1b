import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HandleEntry } from "../base/HandleRecord.ts";
import { BROWSER_FETCH } from "../base/Keep.ts";
import { type Announcement, type Answer, isAnnouncement, type QuestionKind, question } from "../channel/messages.ts";
import { type EncodedFile, encodeShares } from "../files/testing/encodeShares.ts";
import { formatCap } from "../formats/formatCap.ts";
import { createGridHandler, type GridHandler, type GridHandlerOptions } from "./createGridHandler.ts";

// The whole worker, but for the browser.

const SCOPE = "https://app.example/films/";
const HANDLE = "h".repeat(22);
const TIMERS = { toFake: ["setTimeout", "clearTimeout", "performance"] } satisfies Parameters<
  typeof vi.useFakeTimers
>[0];
const LITERAL = "URI:LIT:nbswy3dp";

/** One browser profile: what outlives its workers. */
let pages: { url: string; told: Announcement[] }[];
/** Servers by their names, each with its shares; a server that is not here cannot be reached. */
let servers: Map<string, EncodedFile[]>;
/** What `grid.json` says; undefined: the web server is away. */
let listed: string[] | undefined;
/** What the web server waits for. */
let holdUp: Promise<unknown>;
/** All that was fetched. */
let fetched: string[];
let locks: Promise<unknown>;

/** Is the page still there? */
let isThere: boolean;
/** What the worker has asked the browser for. */
let done: string[];
/** What the browser has, besides what all have. */
let browser: object;
/** The version of the worker that is in force before this one. */
let active: object | null;

/** What the browser calls this worker by. */
let scope: EventTarget;
let handler: GridHandler;

beforeEach(() => {
  pages = [{ url: SCOPE, told: [] }];
  servers = new Map();
  listed = ["oak"];
  fetched = [];
  holdUp = Promise.resolve();
  locks = Promise.resolve();
  isThere = true;
  done = [];
  browser = {};
  active = null;
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("fetch", fetchAnything);
  vi.stubGlobal("navigator", { userAgent: "", onLine: true, locks: { request: alone } });
  begin();
});
afterEach(() => vi.unstubAllGlobals());

/** Starts a worker. One that there was is dead: it hears nothing any more. */
function begin(options?: GridHandlerOptions): void {
  const windows = pages.map(({ told }) => ({
    postMessage(data: unknown) {
      if (isAnnouncement(data)) told.push(data);
    },
  }));
  scope = Object.assign(new EventTarget(), {
    location: new URL("gridfetch-worker.js", SCOPE),
    registration: { scope: SCOPE, active, backgroundFetch: { get: async () => undefined }, ...browser },
    clients: {
      matchAll: async () => windows,
      get: async () => (isThere ? {} : undefined),
      claim: async () => void done.push("claim"),
    },
    skipWaiting: async () => void done.push("skipWaiting"),
  });
  vi.stubGlobal("self", scope);
  handler = createGridHandler(options);
}

async function alone(_name: string, _options: object, work: () => Promise<void>): Promise<void> {
  const turn = locks.then(work);
  locks = turn.catch(() => undefined);
  return turn;
}

/** The web server and, under names of their own, the storage servers. */
async function fetchAnything(input: RequestInfo | URL, { headers }: RequestInit = {}): Promise<Response> {
  const url = String(input);
  fetched.push(url);
  if (url === `${SCOPE}grid.json`) {
    await holdUp;
    if (listed === undefined) throw new TypeError("Failed to fetch");
    const list = listed.map((id) => ({ id, addresses: [{ url: `https://${id}.example/` }] }));
    return Response.json({ servers: list });
  }
  const files = servers.get(new URL(url).hostname.replace(".example", ""));
  if (files === undefined) throw new TypeError("Failed to fetch");
  const [, storageIndex, number] = /immutable\/([a-z2-7]+)\/(\d+|shares)$/.exec(url) ?? [];
  const share = files.find(({ storageIndexText }) => storageIndexText === storageIndex)?.shares.get(0);
  // A set of share numbers in CBOR: none, or 0 alone.
  if (number === "shares") {
    const numbers = Uint8Array.of(0xd9, 0x01, 0x02, ...(share ? [0x81, 0] : [0x80]));
    return new Response(numbers, { headers: { "Content-Type": "application/cbor" } });
  }
  if (share === undefined) return new Response(null, { status: 404 });
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(headers).get("Range") ?? "") ?? [];
  const part = share.slice(Number(from), Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/*`;
  const type = "application/octet-stream";
  return new Response(part, { status: 206, headers: { "Content-Type": type, "Content-Range": range } });
}

/** Dispatches an event. @returns what it was prolonged by */
function dispatch(event: Event): Promise<unknown>[] {
  const waits: Promise<unknown>[] = [];
  scope.dispatchEvent(Object.assign(event, { waitUntil: (wait: Promise<unknown>) => waits.push(wait) }));
  return waits;
}

async function ask<Kind extends QuestionKind>(kind: Kind, payload: object): Promise<Answer<Kind>> {
  return new Promise((resolve, reject) => {
    const port = {
      postMessage: (data: object) =>
        "answer" in data ? resolve(data.answer as Answer<Kind>) : reject(new Error(JSON.stringify(data))),
    };
    void dispatch(Object.assign(new Event("message"), { data: question(kind, payload as never), ports: [port] }));
  });
}

/** Has the worker know a URL for a cap. */
async function tell(cap: string): Promise<string> {
  const record = { cap, filename: "", download: false, type: "", grid: "" };
  const entries: HandleEntry[] = [{ handle: HANDLE, record }];
  await ask("handles", { entries });
  return `${SCOPE}grid/${HANDLE}`;
}

interface Handled {
  readonly response: Response;
  readonly waits: readonly Promise<unknown>[];
}

async function get(url: string, traits: Partial<Request> = {}): Promise<Handled> {
  // A navigation's cannot be made by a script.
  const request = Object.defineProperties(
    new Request(url),
    Object.fromEntries(Object.entries(traits).map(([trait, value]) => [trait, { value }])),
  );
  expect(handler.match(request)).toBe(true);
  const waits: Promise<unknown>[] = [];
  const waitUntil = (wait: Promise<unknown>) => waits.push(wait);
  const event = Object.assign(new Event("fetch"), { request, clientId: "one", waitUntil });
  return { response: await handler.handle(event as unknown as Parameters<GridHandler["handle"]>[0]), waits };
}

const textOf = async (url: string) => (await get(url)).response.text();

/** Puts a small file on a server, as its only share. */
async function put(server: string, text: string): Promise<string> {
  const plaintext = new TextEncoder().encode(text);
  const file = await encodeShares(plaintext, { needed: 1, total: 1, maxSegmentSize: 128 * 1024 });
  servers.set(server, [...(servers.get(server) ?? []), file]);
  return formatCap(file.cap);
}

const told = (kind: string) => pages[0]!.told.filter((each) => each.kind === kind).map(({ content }) => content);
const heard = (kind: string, content: object) =>
  vi.waitFor(() => expect(told(kind)).toContainEqual(expect.objectContaining(content)), 10_000);

describe("which requests are answered", () => {
  it("is said of requests, URLs and texts", () => {
    const match = (method: string) => handler.match(new Request(`${SCOPE}grid/${HANDLE}`, { method }));
    expect(["GET", "HEAD", "POST"].map(match)).toEqual([true, true, false]);
    expect(handler.match(new URL(`${SCOPE}grid/${HANDLE}`))).toBe(true);
    expect(handler.match(`${SCOPE}page.html`)).toBe(false);
  });
});

describe("a read", () => {
  it("is told to all pages from its beginning to its end, counts as a stream, and prolongs its event until then", async () => {
    pages.push({ url: `${SCOPE}other`, told: [] });
    begin();
    const url = await tell(LITERAL);
    const { response, waits } = await get(url);
    expect([response.status, handler.streams, waits.length]).toEqual([200, 1, 1]);
    expect(await response.text()).toBe("hello");
    await Promise.all(waits);
    expect(handler.streams).toBe(0);
    expect(await ask("ping", {})).toEqual({ streams: 0, resting: 0 });
    for (const page of pages) {
      const events = page.told.flatMap(({ kind, content }) => (kind === "read" ? [content] : []));
      expect(events.map(({ type }) => type)).toEqual(["started", "finished"]);
      expect(events.map((event) => event.url)).toEqual([url, url]);
    }
    // What is in its cap needs no servers, and no web server that says which they are.
    expect(fetched).toEqual([]);
  });

  it("by a URL that holds the cap is told without it", async () => {
    begin({ tahoeForms: true });
    expect(await textOf(`${SCOPE}uri/${LITERAL}`)).toBe("hello");
    await heard("read", { type: "finished", url: undefined });
    expect(JSON.stringify(pages[0]!.told)).not.toContain("URI:");
  });

  it("that fails is told with its reason", async () => {
    const cap = await put("oak", "some bytes");
    servers.clear();
    const { response } = await get(await tell(cap));
    expect(response.status).toBe(410);
    await heard("read", { type: "failed", error: expect.objectContaining({ code: "NOT_ENOUGH_SHARES" }) });
  });

  it("in a worker whose configuration is old asks the servers that are listed now before it fails", async () => {
    const cap = await put("oak", "some bytes");
    const url = await tell(cap);
    expect(await textOf(url)).toBe("some bytes");
    servers.set("elm", servers.get("oak")!);
    servers.delete("oak");
    vi.stubGlobal("indexedDB", await onlyGrids());
    listed = ["elm"];
    begin();
    await tell(cap);
    // By then the servers that were listed last have been asked in vain.
    holdUp = new Promise((resolve) => setTimeout(resolve, 300));
    expect(await textOf(url)).toBe("some bytes");
  });
});

describe("servers that have moved", () => {
  // Real time runs on, for what the engine does beside it.
  beforeEach(() => void vi.useFakeTimers({ ...TIMERS, shouldAdvanceTime: true }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["before its first byte", 0],
    ["after its first bytes", 1],
  ])("are found by the read after one that failed %s", async (_, chunks) => {
    const text = "some bytes ".repeat(200_000);
    const url = await tell(await put("oak", text));
    const share = servers.get("oak")!;
    if (chunks === 0) servers.clear();
    const { response } = await get(url);
    servers.clear();
    expect(response.status).toBe(chunks === 0 ? 410 : 200);
    let end: string | undefined;
    response.text().then(
      () => {
        end = "whole";
      },
      () => {
        end = "broken";
      },
    );
    while (end === undefined) await vi.advanceTimersByTimeAsync(1_000);
    expect(end).toBe(chunks === 0 ? "whole" : "broken");
    servers.set("elm", share);
    listed = ["elm"];
    // By then the web server may be asked again.
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await textOf(url)).toBe(text);
  });

  it("are found by what is kept offline", async () => {
    const cap = await put("oak", "to be kept");
    const share = servers.get("oak")!;
    servers.clear();
    const { keep } = await ask("keep", { cap, grid: "" });
    await heard("keep", { id: keep.id, state: "keeping", reason: expect.anything() });
    servers.set("elm", share);
    listed = ["elm"];
    const isKept = () => told("keep").some((each) => "state" in each && each.state === "kept");
    // The list is read again by itself only after minutes.
    for (let i = 0; i < 30 && !isKept(); i++) await vi.advanceTimersByTimeAsync(1_000);
    expect(isKept()).toBe(true);
  });

  it("are not looked for after a read that went well", async () => {
    const url = await tell(await put("oak", "some bytes"));
    for (let i = 0; i < 3; i++) {
      expect(await textOf(url)).toBe("some bytes");
      await vi.advanceTimersByTimeAsync(3_000);
    }
    expect(fetched.filter((each) => each.endsWith("grid.json"))).toHaveLength(1);
  });
});

describe("in WebKit, which forgets what was dropped before it was answered", () => {
  const LONG = 9 * 2 ** 20;
  const WEBKIT =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
  const player = (range: string) => ({ destination: "video", headers: new Headers({ Range: range }) }) as const;
  const lengthOf = ({ response }: Handled) =>
    response.arrayBuffer().then(
      (bytes) => bytes.byteLength,
      (error: Error) => error.name,
    );

  beforeEach(() => {
    vi.stubGlobal("navigator", { userAgent: WEBKIT, onLine: true, locks: { request: alone } });
    begin();
  });

  it("a player's part ends once the player has asked for another, and that one goes on", async () => {
    const url = await tell(await put("oak", "x".repeat(LONG)));
    let answer = () => {};
    holdUp = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const both = [get(url, player("bytes=0-")), get(url, player("bytes=4-"))];
    answer();
    const [left, wanted] = (await Promise.all(both)).map(lengthOf);
    expect([await left, await wanted]).toEqual(["AbortError", LONG - 4]);
  });
});

describe("a body whose page has gone", () => {
  afterEach(() => void vi.useRealTimers());

  /** What is heard of it in the end. */
  async function leave(traits: Partial<Request>): Promise<string> {
    vi.useFakeTimers(TIMERS);
    const { response } = await get(await tell(LITERAL), traits);
    isThere = false;
    await vi.advanceTimersByTimeAsync(10_000);
    return response.text().catch((error: Error) => error.name);
  }

  it("ends within 10 s, since browsers may not say so", async () => {
    expect(await leave({ mode: "cors" })).toBe("AbortError");
  });

  it.each([{ mode: "navigate" }, { keepalive: true }] as const)(
    "goes on where it was to outlive it: %o",
    async (traits) => {
      expect(await leave(traits)).toBe("hello");
    },
  );
});

describe("taking over", () => {
  const install = async () => {
    await Promise.all([...dispatch(new Event("install")), ...dispatch(new Event("activate"))]);
    return done;
  };

  it("is at once for the first worker of a scope, with the pages that are open", async () => {
    begin({ takesOver: true });
    expect(await install()).toEqual(["skipWaiting", "claim"]);
  });

  it("has the grid's configuration fetched by then, without waiting for it", async () => {
    holdUp = new Promise(() => undefined);
    begin({ takesOver: true });
    await install();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fetched).toContain(`${SCOPE}grid.json`);
  });

  it("waits for the page's word where an older worker may stream", async () => {
    active = {};
    begin({ takesOver: true });
    expect(dispatch(new Event("install"))).toEqual([]);
    expect(done).toEqual([]);
    await ask("takeOver", {});
    expect(done).toEqual(["skipWaiting"]);
  });

  it("is the app's own business where it has a worker of its own", async () => {
    begin();
    await ask("takeOver", {});
    expect(await install()).toEqual([]);
    // But a page that is to use the worker may always ask for it.
    await ask("claim", {});
    expect(done).toEqual(["claim"]);
  });
});

describe("the web server", () => {
  it("is asked for no grid URL while a worker is started, where the browser can be told so", async () => {
    const disable = async () => void done.push("disable");
    browser = { navigationPreload: { disable } };
    begin({ prefix: "kept", tahoeForms: true });
    let routes: { condition: { urlPattern: { pathname: string } }; source: string }[] = [];
    const addRoutes = async (rules: typeof routes) => {
      routes = rules;
    };
    await Promise.all(dispatch(Object.assign(new Event("install"), { addRoutes })));
    expect(new Set(routes.map(({ source }) => source))).toEqual(new Set(["fetch-event"]));
    const paths = routes.map(({ condition }) => condition.urlPattern.pathname);
    expect(paths).toEqual(["kept/*", "uri{/*}?", "cap{/*}?", "file/*", "named/*"].map((path) => `/films/${path}`));
    await Promise.all(dispatch(new Event("activate")));
    expect(done).toEqual(["disable"]);
  });

  it("is left without that by a worker that could not say so: it is not installed", async () => {
    const addRoutes = () => Promise.reject(new TypeError("too many"));
    const waits = dispatch(Object.assign(new Event("install"), { addRoutes }));
    await expect(Promise.all(waits)).rejects.toThrow("too many");
  });
});

/** A profile in which the list of servers alone is kept. */
async function onlyGrids(): Promise<IDBFactory> {
  const kept = indexedDB;
  const fresh = new IDBFactory();
  const open = (name: string, version?: number) => (name === "gridfetch-grids" ? kept : fresh).open(name, version);
  return Object.assign(Object.create(fresh), { open });
}

describe("a file that is kept offline", () => {
  it("is fetched, told of, and read without servers and web server by the next worker", async () => {
    const cap = await put("oak", "to be kept");
    const { keep } = await ask("keep", { cap, grid: "" });
    await heard("keep", { id: keep.id, state: "kept" });
    servers.clear();
    listed = undefined;
    begin();
    expect(await textOf(await tell(cap))).toBe("to be kept");
  });

  it("is gone on with by the next worker once a page asks, and not by a ping", async () => {
    const cap = await put("oak", "to be kept");
    const shares = servers.get("oak")!;
    servers.clear();
    const { keep } = await ask("keep", { cap, grid: "" });
    await heard("keep", { id: keep.id, state: "keeping", reason: expect.anything() });
    servers.set("oak", shares);
    // Its locks have gone with it.
    locks = Promise.resolve();
    begin();
    await ask("ping", {});
    expect(await ask("keepOf", { cap })).toMatchObject({ keep: { state: "keeping" } });
    expect(await ask("offlineWork", {})).toEqual({ keeping: 1 });
    await heard("keep", { id: keep.id, state: "kept" });
  });

  it("is asked for again at once when the network is back", async () => {
    const cap = await put("oak", "to be kept");
    const shares = servers.get("oak")!;
    servers.clear();
    const { keep } = await ask("keep", { cap, grid: "" });
    await heard("keep", { id: keep.id, state: "keeping", reason: expect.anything() });
    // By itself it pauses twice as long each time: the fourth time for longer than is waited for here.
    for (let i = 0; i < 4; i++) {
      const before = told("keep").length;
      scope.dispatchEvent(new Event("online"));
      await vi.waitFor(() => expect(told("keep").length).toBeGreaterThan(before), 10_000);
    }
    servers.set("oak", shares);
    scope.dispatchEvent(new Event("online"));
    await heard("keep", { id: keep.id, state: "kept" });
  });

  it.each(["backgroundfetchsuccess", "backgroundfetchfail"])(
    "is made of what the browser has brought (%s)",
    async (end) => {
      const cap = await put("oak", "to be kept");
      const [file] = servers.get("oak")!;
      servers.clear();
      const { keep } = await ask("keep", { cap, grid: "" });
      const share = file!.shares.get(0)!;
      const request = new Request(`https://oak.example/storage/v1/immutable/${file!.storageIndexText}/0`);
      const record = { request, responseReady: Promise.resolve(new Response(share)) };
      const registration = { id: BROWSER_FETCH + keep.id, downloaded: share.length, matchAll: async () => [record] };
      const waits = dispatch(Object.assign(new Event(end), { registration }));
      expect(waits).toHaveLength(1);
      await Promise.all(waits);
      expect(await ask("keepOf", { cap })).toMatchObject({ keep: { state: "kept" } });
    },
  );
});
