import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { question } from "../channel/messages.ts";
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

it("says that it is at work until the answer is there, and then no more", async () => {
  let finish = () => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  answerPages({ handles: () => work.then(() => ({})) } as unknown as Answers);
  const said: string[] = [];
  const port = { postMessage: (data: object) => said.push("isAtWork" in data ? "at work" : "answer") };
  const event = Object.assign(new Event("message"), {
    data: question("handles", { entries: [] }),
    ports: [port],
    waitUntil: () => undefined,
  });
  scope.dispatchEvent(event);
  await vi.advanceTimersByTimeAsync(9_500);
  expect(said).toEqual(["at work", "at work", "at work"]);
  finish();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(said).toEqual(["at work", "at work", "at work", "answer"]);
});
