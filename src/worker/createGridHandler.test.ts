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
    registration: { scope: SCOPE, backgroundFetch: { get: async () => undefined } },
    clients: { matchAll: async () => windows, get: async () => ({}) },
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

async function get(url: string): Promise<Handled> {
  const request = new Request(url);
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
  const file = await encodeShares(plaintext, { needed: 1, total: 1, maxSegmentSize: 1024 });
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
