import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BROWSER_FETCH, type HandOver } from "../base/Keep.ts";
import { announcement } from "../channel/messages.ts";
import { handOverOnLeaving } from "./handOver.ts";

const MB = 1_000_000;
const due = (digit: string, ...urls: string[]): HandOver => ({ id: digit.repeat(26), size: 10 * MB, urls });
const film = due("a", "https://one.example/v1/immutable/aa/0", "https://two.example/v1/immutable/aa/1");
const song = due("b", "https://one.example/v1/immutable/bb/0");

interface Begun {
  readonly id: string;
  readonly requests: readonly Request[];
  readonly total: number;
}

let page: EventTarget;
let container: ServiceWorkerContainer;
let begun: Begun[];
let refusal: Error | undefined;

beforeEach(() => {
  page = new EventTarget();
  container = new EventTarget() as unknown as ServiceWorkerContainer;
  begun = [];
  refusal = undefined;
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("document", page);
});
afterEach(() => vi.unstubAllGlobals());

function begin(): (unfinished: readonly HandOver[]) => void {
  const backgroundFetch = {
    async fetch(id: string, requests: Request[], { downloadTotal }: { downloadTotal: number }) {
      begun.push({ id, requests, total: downloadTotal });
      if (refusal !== undefined) throw refusal;
    },
  };
  const registration = { backgroundFetch } as unknown as ServiceWorkerRegistration;
  return handOverOnLeaving(registration, container) ?? expect.unreachable();
}

const leave = (by = "pagehide") => page.dispatchEvent(new Event(by));
const ids = () => begun.map(({ id }) => id);

it("is for browsers that can take something over", () => {
  expect(handOverOnLeaving({} as ServiceWorkerRegistration, container)).toBeUndefined();
});

it.each(["pagehide", "freeze"])(
  "on %s the browser gets whole shares, within what a file of that size can have",
  (by) => {
    begin()([film]);
    expect(begun).toEqual([]);
    leave(by);
    const [{ id, requests, total }] = begun as [Begun];
    expect([begun.length, id]).toEqual([1, BROWSER_FETCH + film.id]);
    expect(requests.map(({ url }) => url)).toEqual(film.urls);
    for (const { headers, credentials, redirect, referrerPolicy } of requests) {
      expect([headers.get("Range"), credentials, redirect, referrerPolicy]).toEqual([
        null,
        "omit",
        "error",
        "no-referrer",
      ]);
    }
    expect(total).toBeGreaterThan(film.size);
    expect(total).toBeLessThan(1.1 * film.size);
  },
);

it("what was told last counts, without what has ended meanwhile", () => {
  const take = begin();
  take([film]);
  take([film, song]);
  const say = (id: string, state: "keeping" | "kept") =>
    container.dispatchEvent(
      new MessageEvent("message", { data: announcement("keep", { id, size: 9, keptBytes: 0, state }) }),
    );
  say(song.id, "keeping");
  say(film.id, "kept");
  leave();
  expect(ids()).toEqual([BROWSER_FETCH + song.id]);
  take([]);
  leave();
  expect(begun).toHaveLength(1);
});

it("a file that cannot be handed over takes nothing from the others", async () => {
  // No request may have a password in its URL.
  begin()([due("c", "https://user:password@one.example/share"), song]);
  leave();
  expect(ids()).toEqual([BROWSER_FETCH + song.id]);
  refusal = new TypeError("There already is a registration for the given id.");
  leave();
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toHaveLength(2);
});
