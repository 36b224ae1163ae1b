import { beforeEach, expect, it, vi } from "vitest";
import { BROWSER_FETCH, type Keep } from "../base/Keep.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { Server } from "../servers/Server.ts";
import { type BackgroundFetchRegistration, BrowserFetches } from "./BrowserFetches.ts";

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

const ID = "a".repeat(26);
const KEEP: Keep = { id: ID, size: 1_000, keptBytes: 100, state: "keeping" };
const signal = new AbortController().signal;

/** A browser that fetches this file, or no file. */
class FakeBrowser {
  downloaded: number | undefined;
  aborts = 0;
  readonly fetches = new BrowserFetches(
    {
      get: async (id) => {
        if (id !== BROWSER_FETCH + ID || this.downloaded === undefined) return undefined;
        return this.#registration(id, this.downloaded);
      },
    },
    clock,
  );

  #registration(id: string, downloaded: number): BackgroundFetchRegistration {
    const abort = async () => {
      this.aborts++;
      this.downloaded = undefined;
      return true;
    };
    return { id, downloaded, abort, matchAll: async () => [] };
  }
}

/** Has the worker ask for its turn, and says whether it has it. */
function ask(browser: FakeBrowser, by = signal): { isOurs: boolean; readonly done: Promise<unknown> } {
  const state = { isOurs: false, done: Promise.resolve() as Promise<unknown> };
  state.done = browser.fetches.unlessBrought(KEEP, by).then(
    () => {
      state.isOurs = true;
    },
    (error: unknown) => error,
  );
  return state;
}

it("leaves a file to the browser while it is further and comes on, and takes it when it stands still", async () => {
  const browser = new FakeBrowser();
  browser.downloaded = 200;
  const turn = ask(browser);
  for (let i = 0; i < 5; i++) {
    await clock.run(9_000);
    browser.downloaded += 10;
    // A page that pings does not end what is waited for.
    await browser.fetches.leaveToUs();
  }
  expect([turn.isOurs, browser.aborts]).toEqual([false, 0]);
  await clock.run(25_000);
  expect([turn.isOurs, browser.aborts]).toEqual([true, 1]);
});

it("takes a file of which the browser has less than is kept, and what a page that is left hands over then", async () => {
  const browser = new FakeBrowser();
  browser.downloaded = 100;
  const turn = ask(browser);
  await clock.run(0);
  expect([turn.isOurs, browser.aborts]).toEqual([true, 1]);
  browser.downloaded = 900;
  await browser.fetches.leaveToUs();
  expect(browser.aborts).toBe(2);
});

it("goes on when the browser's fetch ends, and waits no longer when it is called off", async () => {
  const browser = new FakeBrowser();
  browser.downloaded = 200;
  const turn = ask(browser);
  await clock.run(5_000);
  browser.downloaded = undefined;
  await clock.run(5_000);
  expect([turn.isOurs, browser.aborts]).toEqual([true, 0]);

  browser.downloaded = 200;
  const controller = new AbortController();
  const other = ask(browser, controller.signal);
  await clock.run(1_000);
  controller.abort(new Error("removed"));
  expect(await other.done).toEqual(new Error("removed"));
  expect([other.isOurs, browser.aborts]).toEqual([false, 0]);
});

it("makes servers of the shares that came whole, whatever became of the others, and leaves alone what is not ours", async () => {
  const { fetches } = new FakeBrowser();
  const root = "https://example.org/storage/v1/immutable/abcdefgh";
  const answer = (path: string, body: string, status = 200) => ({
    request: new Request(root + path),
    responseReady: Promise.resolve(new Response(body, { status })),
  });
  const failed = (path: string) => {
    const responseReady = Promise.reject(new TypeError("failed"));
    responseReady.catch(() => {});
    return { request: new Request(root + path), responseReady };
  };
  const brokenOff = (path: string) => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("broken off")) });
    return { request: new Request(root + path), responseReady: Promise.resolve(new Response(body)) };
  };
  const registration = {
    id: BROWSER_FETCH + ID,
    downloaded: 9,
    abort: async () => true,
    matchAll: async () => [
      failed("/2"),
      answer("/3", "three"),
      answer("/4", "no", 404),
      answer("/x", "no"),
      brokenOff("/5"),
    ],
  };
  const take = vi.fn(async () => {});
  let servers: readonly Server[] = [];
  const makeFiles = (all: readonly Server[]) => {
    servers = all;
    return {} as FileNodes;
  };
  await fetches.take(registration, { take }, makeFiles);
  expect(take.mock.calls.length).toBe(1);
  expect(servers.length).toBe(1);
  const storage = servers[0]?.storage;
  expect(await storage?.listShares("abcdefgh", signal)).toEqual([3]);
  const pieces: Uint8Array[] = [];
  for await (const piece of storage?.readShare("abcdefgh", 3, 2, 100, signal) ?? []) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe("ree");

  await fetches.take({ ...registration, id: "another" }, { take }, makeFiles);
  await fetches.take({ ...registration, id: `${BROWSER_FETCH}../x` }, { take }, makeFiles);
  expect(take.mock.calls.length).toBe(1);
});
