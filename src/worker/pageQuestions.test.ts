import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GridError } from "../base/GridError.ts";
import type { HandOver, Keep } from "../base/Keep.ts";
import { announcement, PROTOCOL, type QuestionKind, question, type Versions } from "../channel/messages.ts";
import { LiteralFile } from "../files/LiteralFile.ts";
import { answerPages } from "./answerPages.ts";
import type { GridSource } from "./GridSource.ts";
import type { HandleBook } from "./HandleBook.ts";
import type { OfflineWork } from "./OfflineWork.ts";
import { pageQuestions } from "./pageQuestions.ts";
import type { Reads } from "./Reads.ts";

const ID = "a".repeat(26);
const CAP = `URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:1:1:9`;
const KEEP: Keep = { id: ID, size: 9, keptBytes: 0, state: "keeping" };
const DUE: HandOver = { id: ID, size: 9, urls: ["https://example.org/share"] };

/** What the worker was told to do, in order. */
let done: string[];
let keeping: number;
let due: HandOver[] | undefined;
/** Until when the event of the last question lasts; undefined: no longer than the answer takes. */
let held: Promise<unknown> | undefined;
let told: unknown[];
let failure: GridError | undefined;
let scope: EventTarget;

/** Notes that it was called with these arguments. */
const note =
  <T>(name: string, answer: T) =>
  async (...given: unknown[]) => {
    if (failure !== undefined) throw failure;
    done.push([name, ...given.map((each) => JSON.stringify(each))].join(" "));
    return answer;
  };

beforeEach(() => {
  done = [];
  told = [];
  keeping = 0;
  due = undefined;
  failure = undefined;
  const page = { postMessage: (data: unknown) => told.push(data) };
  scope = Object.assign(new EventTarget(), {
    clients: { claim: note("claim", undefined), matchAll: async () => [page, page] },
    skipWaiting: note("skipWaiting", undefined),
  });
  vi.stubGlobal("self", scope);
});
afterEach(() => vi.unstubAllGlobals());

function begin({ takesOver = true } = {}): void {
  const offline = {
    async resume() {
      done.push("resume");
      keeping = 2;
    },
    withPage: note("withPage", undefined),
    lasting: note("lasting", undefined),
    get count() {
      return keeping;
    },
    handOvers: async () => due,
    service: {
      keep: note("keep", KEEP),
      find: note("find", undefined),
      list: note("list", [KEEP]),
      change: note("change", undefined),
    },
  } as unknown as OfflineWork;
  const grids = {
    ready: note("ready", undefined),
    pass: note("pass", true),
    check: note("check", []),
  } as unknown as GridSource;
  const handles = {
    profile: note("profile", { secret: new Uint8Array(32), isKept: true }),
    keep: note("keepHandles", undefined),
    revoke: note("revoke", undefined),
  } as unknown as HandleBook;
  const reads = { count: 3, resting: 1 } as Reads;
  const lists = { part: note("list", { entries: [], version: "", next: undefined }) };
  const files = { open: async () => new LiteralFile(new Uint8Array(100)) };
  const background = {
    limit: (bytesPerSecond?: number) => void done.push(`limit ${bytesPerSecond}`),
    turn: note("turn", undefined),
  };
  const trace = note("trace", { events: [], lost: 0 });
  const asked = { grids, handles, reads, offline, lists, files, background, trace };
  answerPages(pageQuestions({ ...asked, prefix: "films", takesOver }));
}

/** As a page does that understands these versions. */
function ask(asked: { kind: string; payload: unknown }, gridfetch: Versions = PROTOCOL): Promise<unknown> {
  return new Promise((resolve) => {
    const waits: Promise<unknown>[] = [];
    held = undefined;
    const event = Object.assign(new Event("message"), {
      data: { ...asked, gridfetch },
      ports: [{ postMessage: resolve }],
      waitUntil(promise: Promise<unknown>) {
        waits.push(promise);
        if (waits.length > 1) held = promise;
      },
    });
    scope.dispatchEvent(event);
  });
}

const answer = (content: object) => expect.objectContaining({ answer: content });
const plain = (kind: QuestionKind) => ({ kind, payload: {} });

describe("a ping", () => {
  it("says what streams, and does nothing else", async () => {
    begin();
    due = [DUE];
    expect(await ask(plain("ping"))).toEqual(answer({ streams: 3, resting: 1 }));
    expect([done, held]).toEqual([[], undefined]);
  });

  it.each([1, 2, 3, 4])("of a page of version %i goes on with what is to be kept, too", async (newest) => {
    begin();
    due = [DUE];
    const asked = await ask(plain("ping"), { oldest: 1, newest });
    expect(asked).toEqual(answer({ streams: 3, resting: 1, keeping: 2, unfinished: [DUE] }));
    expect(done).toEqual(["resume", "withPage"]);
    expect(held).toBeDefined();
  });
});

describe("offline work", () => {
  it("is gone on with, and holds the event, not the answer", async () => {
    begin();
    expect(await ask(question("offlineWork", { limit: 5_000 }))).toEqual(answer({ keeping: 2 }));
    expect(done).toEqual(["limit 5000", "resume", "withPage"]);
    expect(held).toBeDefined();
  });

  it("is handed over by what is known of it, and nothing is done", async () => {
    begin();
    expect(await ask(plain("handOvers"))).toEqual(answer({ unfinished: undefined }));
    due = [DUE];
    expect(await ask(plain("handOvers"))).toEqual(answer({ unfinished: [DUE] }));
    expect([done, held]).toEqual([[], undefined]);
  });

  it("begins with what a page wants kept, and with what it changes", async () => {
    begin();
    expect(await ask(question("keep", { cap: CAP, grid: "one" }))).toEqual(answer({ keep: KEEP }));
    expect(held).toBeDefined();
    await ask(question("changeKeep", { id: ID, to: "paused" }));
    expect(held).toBeDefined();
    expect(done.filter((each) => each === "lasting")).toHaveLength(2);
    expect(done).toContain(`change "${ID}" "paused"`);
  });

  it("is told of, and not begun", async () => {
    begin();
    expect(await ask(plain("keeps"))).toEqual(answer({ keeps: [KEEP] }));
    expect(await ask(question("keepOf", { cap: CAP }))).toEqual(answer({ keep: undefined }));
    expect(held).toBeUndefined();
  });

  it("is refused for what is no cap, in words that hold nothing of it", async () => {
    begin();
    const reply = await ask(question("keep", { cap: "URI:CHK:secret", grid: "" }));
    expect(reply).toMatchObject({ failure: { code: "BAD_CAP" } });
    expect(JSON.stringify(reply)).not.toContain("secret");
    expect(done).toEqual(["limit undefined"]);
  });
});

it("a part of a file is fetched ahead in turns of the background, no faster than the page has said", async () => {
  begin();
  const asked = { cap: CAP, grid: "", offset: 20, length: 50, limit: 7_000 };
  expect(await ask(question("prefetch", asked))).toEqual(answer({}));
  expect(done).toEqual(["limit 7000", "turn 0 {}", "turn 50 {}"]);
});

describe("taking over", () => {
  it("is done by a worker that replaces itself, and by no app's own", async () => {
    begin({ takesOver: false });
    expect(await ask(plain("takeOver"))).toEqual(answer({}));
    expect(done).toEqual([]);
    scope = Object.assign(new EventTarget(), { skipWaiting: note("skipWaiting", undefined) });
    vi.stubGlobal("self", scope);
    begin();
    expect(await ask(plain("takeOver"))).toEqual(answer({}));
    expect(done).toEqual(["skipWaiting"]);
  });
});

it("a revoked handle is taken back from the pages before it is forgotten, so that none tells it again", async () => {
  begin();
  const handle = "h".repeat(22);
  await ask(question("revoke", { handle }));
  expect(told).toEqual([announcement("handleRevoked", { handle }), announcement("handleRevoked", { handle })]);
  expect(done).toEqual([`revoke "${handle}"`]);
});

it("a page learns what its URLs are made of", async () => {
  begin();
  expect(await ask(plain("profile"))).toEqual(
    answer({ secret: new Uint8Array(32), isKept: true, prefix: "films", takesPaths: true }),
  );
});

it("a page learns what a cap says by itself", async () => {
  begin();
  expect(await ask({ kind: "info", payload: { cap: "URI:LIT:nbuq", filename: "a.png" } })).toEqual(
    answer({ info: { kind: "file", size: 2, type: "image/png", mutable: false } }),
  );
  expect(await ask({ kind: "info", payload: { cap: "URI:LIT:1", filename: "" } })).toMatchObject({
    failure: { code: "BAD_CAP" },
  });
});

it.each([
  ["claim", {}],
  ["ready", {}],
  ["configure", { config: null }],
  ["check", {}],
  ["profile", {}],
  ["handles", { entries: [] }],
  ["revoke", { handle: "h".repeat(22) }],
  ["keep", { cap: CAP, grid: "" }],
  ["keepOf", { cap: CAP }],
  ["keeps", {}],
  ["changeKeep", { id: ID, to: "removed" }],
  ["list", { cap: CAP, grid: "", from: 0, version: undefined }],
] as const)("what %s fails with is told to the page that asked", async (kind, payload) => {
  begin();
  failure = new GridError("STORE_FULL", { store: "x" }, "The disk is full.");
  expect(await ask({ kind, payload })).toMatchObject({ kind, failure: { code: "STORE_FULL" } });
});

it.each([
  ["of a kind that this version does not know", { kind: "dance", payload: {} }, PROTOCOL],
  ["of a later version that has left this one behind", plain("ping"), { oldest: 900, newest: 901 }],
  ["with a payload that is none", { kind: "keep", payload: { cap: 7 } }, PROTOCOL],
  ["for no place in a list", { kind: "list", payload: { cap: CAP, grid: "", from: -1 } }, PROTOCOL],
])("a question %s is answered so, and nothing is done", async (_, asked, versions) => {
  begin();
  expect(await ask(asked, versions)).toMatchObject({ kind: asked.kind, misunderstood: true });
  expect(done).toEqual([]);
});
