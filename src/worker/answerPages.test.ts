import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { misunderstoodReply, PROTOCOL, question } from "../channel/messages.ts";
import { type Answers, answerPages } from "./answerPages.ts";

let scope: EventTarget;
beforeEach(() => {
  vi.useFakeTimers();
  scope = new EventTarget();
  vi.stubGlobal("self", scope);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** As a page does that hears what is said. */
function post(data: unknown, postMessage?: (data: object) => void): void {
  const ports = postMessage === undefined ? [] : [{ postMessage }];
  scope.dispatchEvent(Object.assign(new Event("message"), { data, ports, waitUntil: () => undefined }));
}

it("tells a page that asks what it does not know, and leaves all that is not for it alone", () => {
  answerPages({} as Answers);
  const said: object[] = [];
  const hear = (data: object) => said.push(data);
  post({ gridfetch: PROTOCOL, kind: "ofALaterVersion", payload: {} }, hear);
  expect(said).toEqual([misunderstoodReply("ofALaterVersion")]);
  for (const foreign of [null, "ping", { kind: "ping" }, { type: "SKIP_WAITING" }]) post(foreign, hear);
  post(question("ping", {}));
  expect(said).toHaveLength(1);
});

it("says that it is at work until the answer is there, and then no more", async () => {
  let finish = () => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  answerPages({ handles: () => work.then(() => ({})) } as unknown as Answers);
  const said: string[] = [];
  post(question("handles", { entries: [] }), (data) => said.push("isAtWork" in data ? "at work" : "answer"));
  await vi.advanceTimersByTimeAsync(9_500);
  expect(said).toEqual(["at work", "at work", "at work"]);
  finish();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(said).toEqual(["at work", "at work", "at work", "answer"]);
});
