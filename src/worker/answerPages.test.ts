import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { misunderstoodReply, neverMind, PROTOCOL, question } from "../channel/messages.ts";
import { type Answers, type Asker, answerPages } from "./answerPages.ts";

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

it("aborts what a page no longer waits for, and nothing else", async () => {
  const signals: AbortSignal[] = [];
  const answers = {
    handles: (_: unknown, __: unknown, { signal }: Asker) => signals.push(signal) && new Promise(() => {}),
  };
  answerPages(answers as unknown as Answers);
  const ports = [new MessageChannel(), new MessageChannel()];
  for (const { port2 } of ports) {
    const event = new Event("message");
    const waitUntil = () => undefined;
    scope.dispatchEvent(
      Object.assign(event, { data: question("handles", { entries: [] }), ports: [port2], waitUntil }),
    );
  }
  ports[0]!.port1.postMessage(neverMind("ping"));
  ports[1]!.port1.postMessage(neverMind("handles"));
  vi.useRealTimers();
  await vi.waitFor(() => expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]));
  for (const { port1 } of ports) port1.close();
});
