import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GridError } from "../base/GridError.ts";
import { jsonFault } from "../base/jsonFault.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { checkGrid } from "../servers/checkGrid.ts";
import type { ServerList } from "../servers/ServerList.ts";
import type { ConfigKind } from "./ConfigStore.ts";
import { GridSource } from "./GridSource.ts";

const SWISSNUM = "a-secret-that-lets-clients-in";
const grid = (...ids: string[]) => ({
  servers: ids.map((id) => ({ id, addresses: [{ url: "http://127.0.0.1:1/" }], swissnum: SWISSNUM })),
});
const served = (document: unknown) => () => new Response(JSON.stringify(document));
const away = () => Promise.reject(new TypeError("failed"));
const MINUTE = 60_000;

let clock: VirtualClock;
/** What the web server answers next, and again until it is changed. */
let answer: () => Response | Promise<Response>;
let fetches: number;
/** What outlives a worker. */
let kept: Map<ConfigKind, string>;
let isStoreAway: boolean;
/** Pages that are open, and how often they were asked for what they have passed. */
let pages: number;
let asked: number;
let built: ServerList[];
/** How often a server was made ready. */
let warmed: number;
/** How often one was said to be likely to be asked. */
let likely: number;
let source: GridSource;

beforeEach(() => {
  clock = new VirtualClock();
  answer = served(grid("one"));
  fetches = 0;
  kept = new Map();
  isStoreAway = false;
  pages = 0;
  asked = 0;
  warmed = 0;
  likely = 0;
  vi.stubGlobal("fetch", async () => {
    fetches++;
    return answer();
  });
  startWorker();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function startWorker(): void {
  built = [];
  const check = () => {
    if (isStoreAway) throw new GridError("STORE_UNAVAILABLE", { store: "x", reason: "private" }, "private");
  };
  source = new GridSource({
    url: new URL("https://app.example/sub/grid.json"),
    store: {
      async load(kind) {
        check();
        const text = kept.get(kind);
        return text === undefined ? undefined : JSON.parse(text);
      },
      async save(kind, value) {
        check();
        if (value === undefined) kept.delete(kind);
        else kept.set(kind, JSON.stringify(value));
      },
    },
    makeTransport: () => ({
      warm(isLikely) {
        warmed++;
        if (isLikely) likely++;
      },
      async request({ headers }) {
        throw new GridError("SERVER_UNREACHABLE", { server: "x", reason: `${headers.Authorization}` }, "not there");
      },
    }),
    permissionOf: async () => undefined,
    origin: "https://app.example",
    checkGrid,
    async askPages() {
      asked++;
      return pages;
    },
    jsonFault,
    makeFiles: (servers) => {
      built.push(servers);
      return { open: () => expect.fail() } as unknown as FileNodes;
    },
    clock,
  });
}

const serverIds = (index = 0) => built[index]?.known().map(({ id }) => id);

/** What the first server is asked with. */
async function swissnum(): Promise<string> {
  const asked = built[0]!.known()[0]!.storage.listShares("aa", new AbortController().signal);
  const { details } = (await asked.catch((error: unknown) => error)) as GridError<"SERVER_UNREACHABLE">;
  return atob(details.reason.replace("Tahoe-LAFS ", ""));
}

describe("a page that connects", () => {
  const ready = () => source.ready().catch((error: unknown) => error as GridError);

  it("hears what is wrong with what is served, though an earlier one is known", async () => {
    expect(await ready()).toBeUndefined();
    answer = () => new Response("", { status: 404 });
    startWorker();
    expect(await ready()).toMatchObject({ code: "BAD_CONFIG", message: expect.stringContaining("404") });
    expect(await ready()).toMatchObject({ code: "BAD_CONFIG" });
    answer = served(grid("one"));
    expect(await ready()).toBeUndefined();
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["is away", away],
    ["fails", () => new Response("", { status: 502 })],
  ])("does with what was served last where the web server %s, and hears of it on a first visit", async (_, wrong) => {
    answer = wrong;
    expect(await ready()).toMatchObject({ code: "BAD_CONFIG", details: { isAway: true } });
    answer = served(grid("one"));
    await ready();
    answer = wrong;
    startWorker();
    expect(await ready()).toBeUndefined();
  });

  it("waits a second for a web server that is slow, where an earlier configuration is known", async () => {
    await ready();
    answer = () => new Promise(() => undefined);
    startWorker();
    expect(await clock.runUntil(ready(), 1_000)).toBeUndefined();
  });

  it("has the servers made ready: once they are known, and beside the question where an earlier worker knew them", async () => {
    await ready();
    expect(warmed).toBe(1);
    answer = () => new Promise(() => undefined);
    startWorker();
    const asking = ready();
    await clock.run(0);
    expect(warmed).toBe(2);
    await clock.runUntil(asking);
  });

  it("has all servers of a small grid connected to, and of a large one none that has never answered", async () => {
    const names = (count: number) => Array.from({ length: count }, (_, n) => `server${n}`);
    answer = served(grid(...names(10)));
    await ready();
    expect([warmed, likely]).toEqual([10, 10]);
    answer = served(grid(...names(11)));
    await source.ready();
    expect([warmed, likely]).toEqual([10 + 10 + 11, 10 + 10]);
  });

  it("has done for all that read: the first file has the servers made ready as well, the next does not", async () => {
    await source.files();
    expect([warmed, likely]).toEqual([1, 1]);
    await source.files();
    expect(warmed).toBe(1);
  });

  it("finds the configuration there that its installation fetched, and kept for another worker", async () => {
    await source.prepare();
    expect(fetches).toBe(1);
    await source.files();
    expect(fetches).toBe(1);
    startWorker();
    answer = () => new Promise(() => undefined);
    await source.files();
    expect(serverIds()).toEqual(["one"]);
  });

  it("is installed all the same where there is none, and asks no web server where one was passed", async () => {
    answer = away;
    await source.prepare();
    await source.pass({ config: grid("passed") });
    fetches = 0;
    startWorker();
    await source.prepare();
    expect([fetches, serverIds()]).toEqual([0, ["passed"]]);
  });

  it("needs no web server where the configuration was passed", async () => {
    await source.pass({ config: grid("passed") });
    startWorker();
    answer = away;
    fetches = 0;
    expect(await ready()).toBeUndefined();
    expect(fetches).toBe(0);
  });
});

describe("the served configuration", () => {
  it("is fetched once for all who ask", async () => {
    const [first, second] = await Promise.all([source.files(), source.files()]);
    expect(await source.files()).toBe(first);
    expect(second).toBe(first);
    expect(fetches).toBe(1);
    expect(serverIds()).toEqual(["one"]);
  });

  it.each<[string, () => Response | Promise<Response>, RegExp]>([
    [
      "a missing document (CON-8)",
      () => new Response("", { status: 404 }),
      /grid\.json is not on .*404\).* belongs there/,
    ],
    ["a server error", () => new Response("", { status: 500 }), /HTTP 500/],
    ["no web server", away, /could not be fetched/],
    [
      "a page instead (CON-9)",
      () => new Response(`<html>${SWISSNUM}`),
      /\/sub\/grid\.json is an HTML page, .*belongs there/,
    ],
    [
      "a page by its type (CON-9)",
      () => new Response("Hello", { headers: { "Content-Type": "text/html" } }),
      /is an HTML page/,
    ],
    [
      "a slip of the pen (CON-10)",
      () => new Response(`{\n "${SWISSNUM}": 1,\n}`),
      /is not JSON: see line 3, column 1\.$/,
    ],
    ["half a document (CON-10)", () => new Response(`{"${SWISSNUM}": [`), /it ends too early, at line 1, column 36\.$/],
    ["no servers (CON-11)", served({ servers: [] }), /"servers" must list 1 to 10000 servers, not 0/],
    ["another document", () => new Response(`{"${SWISSNUM}":1}`), /a list "servers"/],
  ])("says what is wrong with %s, and tries again for the next one", async (_, wrong, message) => {
    answer = wrong;
    const failure = await source.files().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "BAD_CONFIG", message: expect.stringMatching(message) });
    expect(failure).toMatchObject({ message: expect.not.stringContaining(SWISSNUM) });
    answer = served(grid("one"));
    await source.files();
    expect(serverIds()).toEqual(["one"]);
  });

  it("is read again where there is doubt, and changes the servers under the same files", async () => {
    const before = await source.files();
    const [one] = built[0]!.known();
    await clock.run(MINUTE);
    answer = served(grid("two", "one"));
    source.doubt();
    expect(await source.files()).toBe(before);
    expect(fetches).toBe(2);
    expect(serverIds()).toEqual(["two", "one"]);
    expect(built[0]!.known()[1]).toBe(one);
    await source.files();
    expect(fetches).toBe(2);
  });

  it("is read again now and then while it is in use, which nobody waits for", async () => {
    await source.files();
    await clock.run(4 * MINUTE);
    answer = served(grid("two"));
    await source.files();
    expect(fetches).toBe(1);
    await clock.run(MINUTE);
    await source.files();
    expect(serverIds()).toEqual(["one"]);
    await clock.run(1);
    expect(serverIds()).toEqual(["two"]);
  });

  it("stays in force while the web server is away, which holds up few reads, and is asked for again", async () => {
    await source.files();
    await clock.run(MINUTE);
    answer = away;
    source.doubt();
    for (let read = 0; read < 10; read++) await source.files();
    expect(serverIds()).toEqual(["one"]);
    expect(fetches).toBe(2);
    answer = served(grid("two"));
    await clock.run(10_000);
    await source.files();
    expect(serverIds()).toEqual(["two"]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["says nothing", () => new Promise(() => {})],
    ["is away", away],
    ["has lost it", () => new Response("", { status: 404 })],
  ])("is remembered by the next worker, which begins with it where the web server %s", async (_, wrong) => {
    await source.files();
    startWorker();
    answer = wrong;
    await source.files();
    expect(serverIds()).toEqual(["one"]);
  });

  it("is read anew beside the first read of a worker, which does not wait for it", async () => {
    await source.files();
    startWorker();
    let release = (_: Response): void => undefined;
    answer = () => new Promise((resolve) => (release = resolve));
    const { changes } = source;
    await source.files();
    expect([serverIds(), fetches]).toEqual([["one"], 2]);
    // A read that failed meanwhile waits, and is told that it is worth another try.
    const isWorthIt = source.changedSince(changes);
    release(new Response(JSON.stringify(grid("two"))));
    expect(await isWorthIt).toBe(true);
    expect(serverIds()).toEqual(["two"]);
    expect(await source.changedSince(source.changes)).toBe(false);
    await source.files();
    expect(fetches).toBe(2);
    startWorker();
    await source.files();
    expect(serverIds()).toEqual(["two"]);
  });
});

describe("several grids", () => {
  const grids = {
    grids: [
      { name: "home", ...grid("one") },
      { name: "work", ...grid("two") },
    ],
  };

  it("are told apart by their names; the first is meant where none is named", async () => {
    answer = served(grids);
    const [home, work] = [await source.files("home"), await source.files("work")];
    expect(work).not.toBe(home);
    expect(await source.files()).toBe(home);
    expect([serverIds(0), serverIds(1)]).toEqual([["one"], ["two"]]);
  });

  it("are looked for in what is served where an earlier worker did not know them", async () => {
    await source.files();
    startWorker();
    answer = served(grids);
    await source.files("work");
    expect([...built.keys()].map(serverIds)).toContainEqual(["two"]);
  });

  it("change each by itself", async () => {
    answer = served(grids);
    const work = await source.files("work");
    await clock.run(MINUTE);
    answer = served({ grids: [{ name: "other", ...grid("three") }, grids.grids[1]] });
    source.doubt();
    expect(await source.files("work")).toBe(work);
    await expect(source.files("home")).rejects.toMatchObject({ code: "BAD_URL" });
  });

  it.each<[unknown, string]>([
    [grids, "only home, work"],
    [grid("one"), "its one grid has no name"],
  ])("say which there are where another is asked for", async (document, known) => {
    answer = served(document);
    await expect(source.files("nowhere")).rejects.toMatchObject({
      code: "BAD_URL",
      message: expect.stringContaining(known),
    });
  });
});

describe("what pages pass", () => {
  it("counts in place of what is served, in reads under way too, and for the workers that follow", async () => {
    const before = await source.files();
    expect(await source.pass({ config: grid("passed") })).toBe(true);
    expect(await source.files()).toBe(before);
    expect(serverIds()).toEqual(["passed"]);
    startWorker();
    answer = away;
    await source.files();
    expect(serverIds()).toEqual(["passed"]);
    answer = served(grid("one"));
    await source.pass({ config: null });
    expect(serverIds()).toEqual(["one"]);
    startWorker();
    await source.files();
    expect(serverIds()).toEqual(["one"]);
  });

  it("may be the secrets alone, which outlive the worker too, until they are replaced", async () => {
    const { swissnum: _, ...server } = grid("one").servers[0]!;
    answer = served({ servers: [server] });
    await source.pass({ secrets: { one: "first" } });
    expect(await swissnum()).toBe("first");
    startWorker();
    await source.files();
    expect(await swissnum()).toBe("first");
    await source.pass({ config: { servers: [server] } });
    expect(await swissnum()).toBe("first");
    await source.pass({ secrets: { one: "second" } });
    expect(await swissnum()).toBe("second");
  });

  it.each(["a worker that has read", "a new worker"])(
    "is in force at once while the web server is away, in %s",
    async (which) => {
      await source.pass({ secrets: { one: "before" } });
      if (which === "a new worker") startWorker();
      answer = away;
      await source.files();
      expect(await swissnum()).toBe("before");
      await source.pass({ secrets: { one: "after" } });
      expect(await swissnum()).toBe("after");
      await source.pass({ secrets: null });
      expect(await swissnum()).toBe(SWISSNUM);
      await source.pass({ config: grid("passed") });
      expect(serverIds()).toEqual(["passed"]);
      await source.pass({ config: null });
      expect(serverIds()).toEqual(["one"]);
    },
  );

  it("is checked before anything is changed", async () => {
    await source.files();
    await expect(source.pass({ config: { servers: [] } })).rejects.toMatchObject({ code: "BAD_CONFIG" });
    await expect(source.pass({ config: grid("two"), secrets: { one: 1 } })).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("the secret of server one"),
    });
    expect(serverIds()).toEqual(["one"]);
    expect(kept.has("config")).toBe(false);
  });

  it("counts for this worker where the browser keeps nothing, and says so", async () => {
    isStoreAway = true;
    expect(await source.pass({ config: grid("passed"), secrets: { passed: "x" } })).toBe(false);
    await source.files();
    expect(serverIds()).toEqual(["passed"]);
    expect(await swissnum()).toBe("x");
  });

  it("is asked for again by the next worker, where it could not be kept, and is in force at its first read", async () => {
    isStoreAway = true;
    pages = 2;
    await source.pass({ config: grid("passed"), secrets: { passed: "x" } });
    startWorker();
    const reading = source.files();
    await vi.waitFor(() => expect(asked).toBe(1));
    // Of two pages one has passed something.
    expect(await source.pass({})).toBe(true);
    expect(await source.pass({ config: grid("passed"), secrets: { passed: "x" } })).toBe(false);
    await reading;
    await source.files();
    expect(serverIds(built.length - 1)).toEqual(["passed"]);
    expect(asked).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is not waited for long where no page answers, and not asked for where it could have been kept", async () => {
    await source.files();
    expect(asked).toBe(0);
    isStoreAway = true;
    pages = 1;
    startWorker();
    const began = clock.now();
    await clock.runUntil(source.files());
    expect(serverIds()).toEqual(["one"]);
    expect(clock.now() - began).toBeLessThanOrEqual(1_000);
  });

  it("is not undone by a reading that was under way", async () => {
    let release = (_: Response): void => undefined;
    answer = () => new Promise((resolve) => (release = resolve));
    const early = source.files();
    await clock.run(1);
    await source.pass({ config: grid("passed") });
    release(new Response(JSON.stringify(grid("one"))));
    await early;
    await source.files();
    expect(serverIds()).toEqual(["passed"]);
  });
});

it("checks all grids, as they are configured now", async () => {
  await source.files();
  answer = served({
    grids: [
      { name: "home", ...grid("one") },
      { name: "work", ...grid("two") },
    ],
  });
  vi.stubGlobal("fetch", async (url: URL | string) => {
    if (String(url).includes("grid.json")) return answer();
    throw new TypeError("refused");
  });
  const checks = await source.check(new AbortController().signal);
  expect(checks.map(({ name, servers }) => [name, servers.map(({ id, works }) => [id, works])])).toEqual([
    ["home", [["one", false]]],
    ["work", [["two", false]]],
  ]);
  expect(JSON.stringify(checks)).not.toContain(SWISSNUM);
});

it("checks the grids that are known where the web server is away, and says what is wrong where none is", async () => {
  const none = new AbortController().signal;
  answer = away;
  await expect(source.check(none)).rejects.toMatchObject({ code: "BAD_CONFIG" });
  answer = served(grid("one"));
  await source.files();
  answer = away;
  expect((await source.check(none)).map(({ servers }) => servers.map(({ id }) => id))).toEqual([["one"]]);
});
