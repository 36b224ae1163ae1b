import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WORKER_MARK } from "../base/workerMark.ts";
import { downloadByFrame } from "./downloadByFrame.ts";

const URL_OF_FILE = "https://app.example/grid/AAAAAAAAAAAAAAAAAAAAAA";

/** As much of a frame as is needed: what it has loaded is put into it. */
class Frame extends EventTarget {
  hidden = false;
  src = "";
  isThere = false;
  contentDocument: { contentType: string; body: { textContent: string } } | null = null;
  contentWindow: unknown;
  remove(): void {
    this.isThere = false;
  }

  /** @param from who answered, as the navigation's timing says it */
  load(contentType: string, textContent: string, from: string[] | undefined): void {
    this.contentDocument = { contentType, body: { textContent } };
    const entries = from === undefined ? [] : [{ serverTiming: from.map((name) => ({ name })) }];
    this.contentWindow = { performance: { getEntriesByType: () => entries } };
    this.dispatchEvent(new Event("load"));
  }
}

let frame: Frame;
let page: EventTarget;
let failures: string[];

beforeEach(() => {
  vi.useFakeTimers();
  frame = new Frame();
  failures = [];
  page = Object.assign(new EventTarget(), {
    createElement: () => frame,
    body: {
      append: () => {
        frame.isThere = true;
      },
    },
  });
  vi.stubGlobal("document", page);
  downloadByFrame(URL_OF_FILE, (reason) => failures.push(reason));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const violate = (blockedURI: string, disposition = "enforce") =>
  page.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), { blockedURI, disposition }));

it("becomes a download, of which the frame hears nothing, and is taken away later", () => {
  expect([frame.hidden, frame.src, frame.isThere]).toEqual([true, URL_OF_FILE, true]);
  vi.advanceTimersByTime(60_000);
  expect(frame.isThere).toBe(true);
  vi.advanceTimersByTime(120_000);
  expect([frame.isThere, failures]).toEqual([false, []]);
});

it("tells the worker's words where the file cannot be had", () => {
  frame.load("text/plain", " This file cannot be read.\n", [WORKER_MARK.value]);
  expect([frame.isThere, failures]).toEqual([false, ["This file cannot be read."]]);
});

it("says so where the file was shown, and not saved", () => {
  frame.load("text/html", "the file's own text", [WORKER_MARK.value]);
  expect(failures).toEqual([expect.stringContaining("not made with download: true")]);
});

it("leaves a page that is not the worker's the time to bring the worker in, and says in the end that it did not", () => {
  frame.load("text/html", "bootstrap", []);
  vi.advanceTimersByTime(60_000);
  expect([frame.isThere, failures]).toEqual([true, []]);
  vi.advanceTimersByTime(120_000);
  expect([frame.isThere, failures]).toEqual([false, [expect.stringContaining("Reload the page")]]);
});

it("is content with a page that has brought the worker in, which says why the file cannot be had", () => {
  frame.load("text/html", "bootstrap", []);
  frame.load("text/plain", "No.", [WORKER_MARK.value]);
  vi.advanceTimersByTime(300_000);
  expect(failures).toEqual(["No."]);
});

it.each<[string, () => void]>([
  ["answers with something else", () => frame.load("application/json", "{}", [])],
  ["has no timing of its own", () => frame.load("text/plain", "not the worker's", undefined)],
  ["cannot be looked into", () => frame.dispatchEvent(new Event("load"))],
])("takes nothing from who %s", (_, answer) => {
  answer();
  expect([frame.isThere, failures]).toEqual([false, [expect.stringContaining("Reload the page")]]);
});

it("says which policy forbids it, once, and hears of nothing else", () => {
  violate("https://elsewhere.example/");
  violate(URL_OF_FILE, "report");
  expect(failures).toEqual([]);
  violate(URL_OF_FILE);
  violate(URL_OF_FILE);
  vi.advanceTimersByTime(300_000);
  expect(failures).toEqual([expect.stringContaining("frame-src 'self'")]);
});
