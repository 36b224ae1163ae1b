import { unlessAborted, withDeadline } from "../../base/wait.ts";
import type { Grid } from "../Grid.ts";
import type { GridFile } from "../GridFile.ts";
import { pageTimers } from "../pageTimers.ts";

/** What is tried, in this order. */
export type SelfTestName = "control" | "first picture" | "seek" | "cancel" | "ranges" | "keep" | "download";

/** What came of one. */
export interface SelfTestStep {
  readonly name: SelfTestName;
  readonly outcome: "ok" | "failed" | "left out";
  /** How long it took, in milliseconds: for information, no step fails for being slow before half a minute. */
  readonly ms: number;
  /** Why it failed or was left out: the code of a GridError, or some words. */
  readonly reason?: string;
}

/** What came of all of them. */
export interface SelfTestReport {
  /** Has no step failed? */
  readonly works: boolean;
  readonly steps: readonly SelfTestStep[];
  /** All this and the browser's name, in lines, to be sent to somebody. Holds no cap, no name of a file and no address. */
  readonly text: string;
}

/** Who hears of the steps, and for how long they matter. */
export interface SelfTestOptions {
  /** Called after each step. */
  readonly onStep?: (step: SelfTestStep) => void;
  readonly signal?: AbortSignal;
}

const STEP_LIMIT_MS = 30_000;
/** A larger file is not downloaded. */
const MOST_SAVED = 50_000_000;

/** What the steps work with. */
interface Trial {
  readonly grid: Grid;
  readonly cap: string;
  readonly url: string;
  readonly video: HTMLVideoElement;
}

type Try = (trial: Trial, signal: AbortSignal) => Promise<void>;

/**
 * Tries with a film whether this browser does all that an app needs, a step after the other, and reports what it found: that the worker
 * answers, the first picture, seeks, reads that are dropped, ranges, keeping offline, a download. It takes some seconds, and half a
 * minute for each step that gets no answer. Its player is not seen, and what it keeps it removes again. A film of up to
 * 50 MB is saved among the person's downloads, a larger one is not.
 *
 * @param cap of a film that the browser can play, as for `grid.url`
 * @throws GridError BAD_CAP; the signal's reason
 */
export async function selfTest(
  grid: Grid,
  cap: string,
  { onStep = () => undefined, signal }: SelfTestOptions = {},
): Promise<SelfTestReport> {
  const trial: Trial = { grid, cap, url: grid.url(cap), video: addPlayer() };
  const steps: SelfTestStep[] = [];
  try {
    for (const [name, work] of Object.entries(tries)) {
      const step = await run(name as SelfTestName, work, trial, signal);
      steps.push(step);
      onStep(step);
    }
  } finally {
    trial.video.removeAttribute("src");
    trial.video.load();
    trial.video.remove();
  }
  return { works: steps.every(({ outcome }) => outcome !== "failed"), steps, text: textOf(steps) };
}

/** @throws the signal's reason */
async function run(name: SelfTestName, work: Try, trial: Trial, signal?: AbortSignal): Promise<SelfTestStep> {
  const start = performance.now();
  const end = (outcome: SelfTestStep["outcome"], reason?: string): SelfTestStep => {
    return { name, outcome, ms: Math.round(performance.now() - start), ...(reason !== undefined && { reason }) };
  };
  try {
    await inStepTime(signal, (over) => work(trial, over));
    return end("ok");
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LeftOut) return end("left out", error.message);
    return end("failed", await reasonOf(error, trial, signal));
  }
}

const tries: Readonly<Record<SelfTestName, Try>> = {
  async control({ grid, cap }, signal) {
    await grid.open(cap, { signal });
  },

  async "first picture"({ url, video }, signal) {
    const loaded = heard(video, "loadeddata", signal);
    video.src = url;
    // An iPhone loads nothing of a film that nobody plays.
    video.play().catch(() => undefined);
    await loaded;
    if (video.videoWidth === 0) throw new Failure("it is no film");
    video.pause();
  },

  async seek({ video }, signal) {
    for (const part of [0.7, 0.3]) await seek(video, part, signal);
  },

  async cancel({ grid, cap, url, video }, signal) {
    const reader = (await fetch(url, { signal })).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    const stop = new AbortController();
    const dropped = fetch(url, { signal: stop.signal }).catch(() => undefined);
    stop.abort();
    await dropped;
    // A seek that another overtakes.
    if (video.readyState > 0) video.currentTime = 0.9 * video.duration;
    if (video.readyState > 0) await seek(video, 0.5, signal);
    const file = await grid.open(cap, { signal });
    await file.bytes({ offset: file.size - 1, length: 1, signal });
  },

  async ranges({ grid, cap }, signal) {
    const file = await grid.open(cap, { signal });
    const middle = Math.floor(file.size / 2);
    await expectRange(file, "0-1", [0, 2], signal);
    await expectRange(file, `${middle}-${middle + 999}`, [middle, middle + 1_000], signal);
    await expectRange(file, "-1000", [file.size - 1_000, file.size], signal);
    const past = await fetch(file.url, { headers: { Range: `bytes=${file.size}-` }, cache: "no-store", signal });
    if (past.status !== 416) throw new Failure(`a range past the end was answered with ${past.status}`);
  },

  async keep({ grid, cap }, signal) {
    if ((await grid.keepOf(cap)) !== undefined) throw new LeftOut("it is kept offline already");
    const events = grid.keepEvents({ signal });
    const { id } = await grid.keep(cap, { signal });
    try {
      for await (const event of events) {
        if (event.id !== id || event.state === "removed") continue;
        if (event.reason !== undefined) throw event.reason;
        if (event.keptBytes > 0) return;
      }
    } finally {
      await grid.removeKept(id);
    }
  },

  async download({ grid, cap, url }, signal) {
    const { size } = await grid.open(cap, { signal });
    if (size > MOST_SAVED) throw new LeftOut("the file is larger than 50 MB");
    // Browsers change a name's ending where it is not the type's.
    const type = (await fetch(url, { method: "HEAD", signal })).headers.get("Content-Type") ?? "";
    const filename = `gridfetch-self-test.${type.split("/")[1] || "bin"}`;
    const saved = grid.url(cap, { filename, download: true });
    const events = grid.reads({ signal });
    const refused = new Promise<never>((_, reject) => {
      grid.download(saved, () => reject(new Failure("a page came in its place")));
    });
    const streamed = (async () => {
      for await (const event of events) {
        if (event.url !== saved) continue;
        if (event.type === "failed") throw event.error;
        if (event.type === "finished" || (event.type === "cancelled" && event.delivered === size)) return;
        if (event.type === "cancelled") throw new Failure("the browser broke it off");
      }
    })();
    await Promise.race([streamed, refused]);
  },
};

function addPlayer(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";
  // Browsers do not show what is hidden wholly.
  Object.assign(video.style, { position: "fixed", bottom: "0", width: "2px", height: "2px", opacity: "0.01" });
  document.body.append(video);
  return video;
}

/** @param part of the film's duration */
async function seek(video: HTMLVideoElement, part: number, signal: AbortSignal): Promise<void> {
  if (video.readyState === 0 || video.error !== null) throw new Failure("no film is loaded");
  const target = part * video.duration;
  const landed = heard(video, "seeked", signal);
  video.currentTime = target;
  await landed;
  const isThere = Math.abs(video.currentTime - target) < 1 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  if (!isThere) throw new Failure("it ended elsewhere");
}

/** @param part what is read: from a first byte up to, not including, a last */
async function expectRange(
  file: GridFile,
  range: string,
  [from, to]: readonly [number, number],
  signal: AbortSignal,
): Promise<void> {
  const around = await file.bytes({ offset: Math.max(0, from - 10), length: to - from + 20, signal });
  const start = Math.min(10, from);
  const wanted = around.subarray(start, start + to - from);
  const answer = await fetch(file.url, { headers: { Range: `bytes=${range}` }, cache: "no-store", signal });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const isRight =
    answer.status === 206 &&
    answer.headers.get("Content-Range") === `bytes ${from}-${to - 1}/${file.size}` &&
    bytes.length === wanted.length &&
    bytes.every((byte, at) => byte === wanted[at]);
  if (!isRight) throw new Failure(`bytes=${range} was answered with ${answer.status} and ${bytes.length} bytes`);
}

/** Resolves with the player's next event of this name. */
function heard(video: HTMLVideoElement, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, () => resolve(), { once: true, signal });
    const fail = () => reject(new Failure(`the player gave up with ${video.error?.code}`));
    video.addEventListener("error", fail, { once: true, signal });
  });
}

/** Also where the work does not heed its signal. @throws what the work throws; a TimeoutError after a step's time; the signal's reason */
function inStepTime<T>(signal: AbortSignal | undefined, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  const late = () => new DOMException("This step took too long.", "TimeoutError");
  return withDeadline(STEP_LIMIT_MS, pageTimers, late, signal, (over) => unlessAborted(work(over), over));
}

/** What this test itself has found, in words without secrets. */
class Failure extends Error {}
class LeftOut extends Error {}

/** A code, or words of ours, with the code of a read where that fails, too: never another's words, which may hold an address. */
async function reasonOf(error: unknown, { grid, cap }: Trial, signal?: AbortSignal): Promise<string> {
  const code = codeOf(error);
  if (code !== undefined) return code;
  const words = error instanceof Failure ? error.message : nameOf(error);
  const read = async (over: AbortSignal) => {
    const file = await grid.open(cap, { signal: over });
    await file.bytes({ length: 1, signal: over });
  };
  const why = await inStepTime(signal, read).then(
    () => undefined,
    (error: unknown) => codeOf(error) ?? "and the worker no longer answers",
  );
  signal?.throwIfAborted();
  return why === undefined ? words : `${words}, ${why}`;
}

function codeOf(error: unknown): string | undefined {
  const isCoded = typeof error === "object" && error !== null && "code" in error && typeof error.code === "string";
  return isCoded ? String(error.code) : undefined;
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "an error without a name";
  return error.name === "TimeoutError" ? "it took longer than 30 s" : error.name;
}

function textOf(steps: readonly SelfTestStep[]): string {
  const lines = steps.map(({ name, outcome, ms, reason = "" }) =>
    `${name.padEnd(14)} ${outcome.padEnd(8)} ${`${ms} ms`.padStart(9)}  ${reason}`.trimEnd(),
  );
  return ["gridfetch self-test", navigator.userAgent, ...lines, ""].join("\n");
}
