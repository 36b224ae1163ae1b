import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { GridConfig } from "../servers/gridConfig.ts";
import { GridSource } from "./GridSource.ts";

const SWISSNUM = "a-secret-that-lets-clients-in";
const config = (...ids: string[]) =>
  JSON.stringify({
    servers: ids.map((id) => ({ id, addresses: [{ url: "http://127.0.0.1:1/" }], swissnum: SWISSNUM })),
  });

/** What the web server answers next, and again until it is changed. */
let answer: () => Response | Promise<Response>;
let fetches: number;
let built: GridConfig[];
let source: GridSource;

beforeEach(() => {
  answer = () => new Response(config("one"));
  fetches = 0;
  built = [];
  vi.stubGlobal("fetch", async () => {
    fetches++;
    return answer();
  });
  source = new GridSource(new URL("https://app.example/sub/grid.json"), (config) => {
    built.push(config);
    return { open: () => expect.fail() } as FileNodes;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("GridSource", () => {
  it("fetches once for all who ask", async () => {
    const [first, second] = await Promise.all([source.files(), source.files()]);
    expect(await source.files()).toBe(first);
    expect(second).toBe(first);
    expect(fetches).toBe(1);
    expect(built).toMatchObject([{ servers: [{ id: "one" }] }]);
  });

  it.each<[string, () => Response | Promise<Response>, RegExp]>([
    ["a missing document", () => new Response("", { status: 404 }), /grid\.json .*HTTP 404; the list of the grid's/],
    ["a server error", () => new Response("", { status: 500 }), /HTTP 500/],
    ["no web server", () => Promise.reject(new TypeError("failed")), /could not be fetched/],
    ["a page instead", () => new Response(`<html>${SWISSNUM}`), /\/sub\/grid\.json is not JSON/],
    ["another document", () => new Response(`{"${SWISSNUM}":1}`), /a list "servers"/],
  ])("says what is wrong with %s, and tries again for the next one", async (_, wrong, message) => {
    answer = wrong;
    const failure = await source.files().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "BAD_CONFIG", message: expect.stringMatching(message) });
    expect(failure).toMatchObject({ message: expect.not.stringContaining(SWISSNUM) });
    answer = () => new Response(config("one"));
    await source.files();
    expect(built.length).toBe(1);
  });

  it("keeps the grid, with all it has learnt, where a doubt was unfounded", async () => {
    const before = await source.files();
    source.doubt();
    expect(await source.files()).toBe(before);
    expect(fetches).toBe(2);
    await source.files();
    expect(fetches).toBe(2);
  });

  it("makes another grid where the servers have moved", async () => {
    const before = await source.files();
    answer = () => new Response(config("one", "two"));
    source.doubt();
    expect(await source.files()).not.toBe(before);
    expect(built[1]?.servers.length).toBe(2);
  });

  it("stays with the old grid while the web server is away, and asks again", async () => {
    const before = await source.files();
    answer = () => Promise.reject(new TypeError("failed"));
    source.doubt();
    expect(await source.files()).toBe(before);
    answer = () => new Response(config("two"));
    expect(await source.files()).not.toBe(before);
  });
});
