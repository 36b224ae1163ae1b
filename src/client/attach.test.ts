import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ErrorRecord, toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { WORKER_MARK } from "../base/workerMark.ts";
import { announcement } from "../channel/messages.ts";
import { attach } from "./attach.ts";

const FILM = "https://app.example/grid/film";
const OTHER = "https://app.example/grid/other";
const SIZE = 1_000;
const AWAY = new GridError("TIMED_OUT", { what: "the file", ms: 1_000 }, "The file was not there in time.");

/** As much of a `<video>` as is played with: 100 s long, and it does nothing but what it is told. */
class Player extends EventTarget {
  length = 100;
  currentTime = 0;
  playbackRate = 1;
  readyState = 0;
  ended = false;
  error: object | null = null;
  loads = 0;
  plays = 0;
  #src = "";

  get duration(): number {
    return this.readyState === 0 ? Number.NaN : this.length;
  }
  get src(): string {
    return this.#src;
  }
  set src(url: string) {
    this.#src = url;
    this.#empty();
  }
  removeAttribute(): void {
    this.#src = "";
  }
  load(): void {
    this.loads++;
    this.#empty();
  }
  async play(): Promise<void> {
    this.plays++;
    throw new DOMException("A click is wanted first.", "NotAllowedError");
  }
  #empty(): void {
    Object.assign(this, { currentTime: 0, playbackRate: 1, readyState: 0, error: null });
    queueMicrotask(() => this.say("emptied"));
  }

  say(type: string): void {
    this.dispatchEvent(new Event(type));
  }
  /** Knows its film, and is somewhere in it. */
  standAt(currentTime: number, playbackRate = 1): void {
    Object.assign(this, { readyState: 4, currentTime, playbackRate });
  }
  /** Gives up for good. */
  fail(): void {
    this.error = {};
    this.say("error");
  }
}

let player: Player;
let container: EventTarget;
/** Why the file cannot be read. */
let fault: GridError | undefined;
/** At which times it was asked for: one look that succeeds asks for the size, and for one byte. */
let asked: { at: number; range: string | null }[];

beforeEach(() => {
  player = new Player();
  container = new EventTarget();
  fault = undefined;
  asked = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 0 });
  vi.stubGlobal("HTMLMediaElement", { HAVE_NOTHING: 0, HAVE_FUTURE_DATA: 3 });
  vi.stubGlobal("fetch", answer);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The worker. */
async function answer(_url: string, { method, headers, signal }: RequestInit): Promise<Response> {
  signal?.throwIfAborted();
  const mark = { [WORKER_MARK.name]: WORKER_MARK.value };
  const range = new Headers(headers).get("Range");
  if (method !== "HEAD" || fault === undefined) asked.push({ at: Date.now(), range });
  if (fault !== undefined) return Response.json(recordOf(fault), { status: 410, headers: mark });
  if (method === "HEAD")
    return new Response(null, { headers: { ...mark, "Accept-Ranges": "bytes", "Content-Length": `${SIZE}` } });
  const contentRange = `${range?.replace("=", " ")}/${SIZE}`;
  return new Response(new Uint8Array(1), { status: 206, headers: { ...mark, "Content-Range": contentRange } });
}

const recordOf = (error: GridError): ErrorRecord => toErrorRecord(error);

function play(url = FILM, signal?: AbortSignal): void {
  attach(player as unknown as HTMLMediaElement, url, container as unknown as ServiceWorkerContainer, signal);
}

/** Lets virtual time pass, and all that is due happen. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i <= seconds; i++) {
    await vi.advanceTimersByTimeAsync(i === 0 ? 0 : 1_000);
    // Streams take turns of the event loop.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The worker tells that a read has failed. */
function tellOfFailure(url: string): void {
  const content = { type: "failed", id: "1", url, delivered: 0, error: recordOf(AWAY) } as const;
  container.dispatchEvent(new MessageEvent("message", { data: announcement("read", content) }));
}

describe("a player that has given up", () => {
  it("before it knew its film is loaded again", async () => {
    play();
    player.fail();
    await pass(1);
    expect([player.loads, asked.at(-1)?.range]).toEqual([1, "bytes=0-0"]);
  });

  it("of a file that tells no length is loaded again", async () => {
    play();
    player.length = 0;
    player.standAt(0);
    player.fail();
    await pass(1);
    expect([player.loads, asked.at(-1)?.range]).toEqual([1, "bytes=0-0"]);
  });

  it("on the way to another place is put there, and again if it does not come there, though it says that it stands elsewhere", async () => {
    play();
    player.standAt(2);
    player.currentTime = 60;
    player.say("seeking");
    for (let times = 0; times < 2; times++) {
      player.standAt(2 * times);
      player.fail();
      await pass(2);
      player.standAt(0);
      player.say("loadedmetadata");
      expect([player.loads, player.currentTime, asked.at(-1)?.range]).toEqual([times + 1, 60, "bytes=600-600"]);
    }
    player.say("seeked");
    player.standAt(61);
    player.fail();
    await pass(2);
    player.standAt(0);
    player.say("loadedmetadata");
    expect(player.currentTime).toBe(61);
  });

  it("is loaded again and stands where it stood, at its rate", async () => {
    play();
    expect(player.src).toBe(FILM);
    player.standAt(40, 1.5);
    player.fail();
    await pass(1);
    expect([player.loads, player.currentTime]).toEqual([1, 0]);
    // What was looked at is where it stood.
    expect(asked.map(({ range }) => range)).toEqual([null, "bytes=400-400"]);
    player.standAt(0);
    player.say("loadedmetadata");
    expect([player.currentTime, player.playbackRate]).toEqual([40, 1.5]);
    // It is somewhere else by the time that it loads anything by itself.
    player.standAt(50);
    player.say("loadedmetadata");
    expect(player.currentTime).toBe(50);
  });

  it("stands there, too, when it gave up once more before it knew its film again", async () => {
    play();
    player.standAt(40);
    player.fail();
    await pass(1);
    player.fail();
    await pass(1);
    expect([player.loads, asked.at(-1)?.range]).toEqual([2, "bytes=400-400"]);
    player.say("loadedmetadata");
    expect(player.currentTime).toBe(40);
  });

  it("is not loaded before the file can be read: it is looked after 1, 2, 4 and 8 s, and then every 10 s", async () => {
    play();
    player.standAt(40);
    fault = AWAY;
    player.fail();
    await pass(50);
    expect(player.loads).toBe(0);
    expect(asked.map(({ at }) => at / 1_000)).toEqual([1, 2, 4, 8, 16, 26, 36, 46]);
    fault = undefined;
    await pass(9);
    expect(player.loads).toBe(1);
  });

  it.each([
    new GridError("BAD_CAP", { reason: "x" }, "This is no cap."),
    new GridError("UNSUPPORTED_CAP", { kind: "verify" }, "This cap cannot be read."),
    new GridError("UNKNOWN_HANDLE", {}, "This URL is not known."),
  ])("is left as it is where its file will never be readable ($code)", async (final) => {
    play();
    player.standAt(40);
    fault = final;
    player.fail();
    await pass(60);
    expect([player.loads, asked.length]).toEqual([0, 1]);
  });

  it("again and again at one place, with nothing wrong with its reads, is left as it is", async () => {
    play();
    // Told of once, counts once.
    tellOfFailure(FILM);
    for (const place of [40, 40.5, 41]) {
      player.standAt(place);
      player.fail();
      await pass(5);
    }
    expect(player.loads).toBe(3);
    player.standAt(41);
    player.fail();
    await pass(60);
    expect(player.loads).toBe(3);
  });

  it.each([
    ["it got further each time", () => undefined, 2],
    ["its reads have failed", () => tellOfFailure(FILM), 0],
  ])("again and again is loaded again each time where %s", async (_, before, step) => {
    play();
    for (let i = 0; i < 8; i++) {
      player.standAt(10 + i * step);
      before();
      player.fail();
      await pass(2);
    }
    expect(player.loads).toBe(8);
  });

  it("takes no other file's failed reads for its own", async () => {
    play();
    for (let i = 0; i < 8; i++) {
      player.standAt(10);
      tellOfFailure(OTHER);
      player.fail();
      await pass(2);
    }
    expect(player.loads).toBeLessThan(4);
  });
});

describe("a player that waits", () => {
  beforeEach(async () => {
    play();
    await pass(0);
    player.say("play");
    player.standAt(40);
    player.readyState = 2;
    player.say("waiting");
  });

  it("for half a minute, with nothing read for it, is loaded again where it stands, three times at most", async () => {
    await pass(29);
    expect(player.loads).toBe(0);
    await pass(3);
    expect([player.loads, asked.at(-1)?.range]).toEqual([1, "bytes=400-400"]);
    for (let times = 0; times < 4; times++) {
      player.standAt(0);
      player.say("loadedmetadata");
      player.readyState = 2;
      player.say("stalled");
      await pass(35);
    }
    expect(player.loads).toBe(3);
  });

  it("while bytes come for it, plays again or has been paused, is left alone", async () => {
    const content = { type: "progress", id: "1", url: FILM, delivered: 9 } as const;
    for (let times = 0; times < 4; times++) {
      await pass(20);
      container.dispatchEvent(new MessageEvent("message", { data: announcement("read", content) }));
    }
    player.say("timeupdate");
    await pass(60);
    player.ended = true;
    player.say("stalled");
    await pass(60);
    player.ended = false;
    player.say("waiting");
    player.say("pause");
    await pass(60);
    expect(player.loads).toBe(0);
  });

  it("while nothing can be read is loaded again when it can", async () => {
    fault = AWAY;
    await pass(60);
    expect(player.loads).toBe(0);
    fault = undefined;
    await pass(11);
    expect(player.loads).toBe(1);
  });
});

describe("what the person wants of a player", () => {
  const giveUp = async () => {
    player.standAt(40);
    player.error = {};
    // As browsers do when they give up.
    player.say("pause");
    player.fail();
    await pass(1);
    player.say("pause");
    player.standAt(0);
    player.say("loadedmetadata");
  };

  it("that played is that it plays, even where a browser does not let it", async () => {
    play();
    player.say("play");
    await giveUp();
    expect(player.plays).toBe(1);
    // After a second time it is still wanted.
    await giveUp();
    expect(player.plays).toBe(2);
  });

  it("that was paused is that it stands", async () => {
    play();
    player.say("play");
    player.say("pause");
    await giveUp();
    expect([player.plays, player.currentTime]).toEqual([0, 40]);
  });
});

describe("a film is off its player", () => {
  /** Nothing looks for the film any more, and nothing is done with the player. */
  const isLeftAlone = async () => {
    const before = { loads: player.loads, src: player.src, asked: asked.length };
    fault = undefined;
    await pass(30);
    expect({ loads: player.loads, src: player.src, asked: asked.length }).toEqual(before);
    player.standAt(7);
    player.say("loadedmetadata");
    expect([player.currentTime, vi.getTimerCount()]).toEqual([7, 0]);
  };

  it("when another takes its place", async () => {
    const stop = new AbortController();
    play(FILM, stop.signal);
    player.standAt(40);
    fault = AWAY;
    player.fail();
    await pass(3);
    play(OTHER);
    await isLeftAlone();
    stop.abort();
    expect(player.src).toBe(OTHER);
  });

  it("and on it once, when the same is put on it again", async () => {
    const stop = new AbortController();
    play(FILM, stop.signal);
    play();
    player.standAt(40);
    player.fail();
    await pass(2);
    expect(player.loads).toBe(1);
    stop.abort();
    expect(player.src).toBe(FILM);
  });

  it.each([
    ["looks whether it can be read", AWAY],
    ["loads it again", undefined],
  ])("when the page plays something else while it %s", async (_, why) => {
    play();
    player.standAt(40);
    fault = why;
    player.fail();
    await pass(3);
    player.src = "https://app.example/trailer.mp4";
    await isLeftAlone();
  });

  it("when the signal says so, which ends what was under way", async () => {
    const stop = new AbortController();
    play(FILM, stop.signal);
    player.standAt(40);
    fault = AWAY;
    player.fail();
    await pass(3);
    stop.abort();
    expect([player.src, player.loads]).toEqual(["", 1]);
    await isLeftAlone();
  });

  it("and is not taken off by its signal where the page plays something else", () => {
    const stop = new AbortController();
    play(FILM, stop.signal);
    player.src = OTHER;
    stop.abort();
    expect(player.src).toBe(OTHER);
  });

  it("from the beginning where its signal was aborted before", async () => {
    play(OTHER);
    play(FILM, AbortSignal.abort());
    expect(player.src).toBe(OTHER);
    player.standAt(40);
    player.fail();
    await pass(1);
    expect(player.loads).toBe(1);
  });
});
