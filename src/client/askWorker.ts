import { fromErrorRecord } from "../base/errorRecord.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import {
  type Answer,
  isAtWork,
  isReply,
  neverMind,
  type Payload,
  type QuestionKind,
  question,
} from "../channel/messages.ts";

/** A worker that is started for the question and answers from memory takes some 20 ms; a busy machine takes longer. */
const SILENCE_LIMIT_MS = 10_000;
/** For what is real work, of which the worker says now and then that it is at it. */
const WORK_LIMIT_MS = 120_000;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the worker's next word, in milliseconds: 10 s unless given. */
  readonly limit?: number;
}

/**
 * Asks a worker. Waits for as long as it says that it is at work, 2 minutes at most.
 *
 * @throws GridError as the worker failed; NO_WORKER ("version") if it is of a version that does not understand;
 *   TIMED_OUT if it is silent, or still at work; the signal's reason
 */
export function askWorker<Kind extends QuestionKind>(
  worker: ServiceWorker,
  kind: Kind,
  payload: Payload<Kind>,
  { signal, limit = SILENCE_LIMIT_MS }: AskOptions = {},
): Promise<Answer<Kind>> {
  return new Promise<Answer<Kind>>((resolve, reject) => {
    signal?.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(question(kind, payload), [port2]);
    const fail = (error: unknown) => settle(() => reject(error));
    const giveUp = (error: unknown) => {
      port1.postMessage(neverMind(kind));
      fail(error);
    };
    const leave = () => giveUp(signal?.reason);
    let silence = setTimeout(() => giveUp(silent(kind, limit)), limit);
    const work = setTimeout(() => giveUp(stillAtWork(kind)), Math.max(limit, WORK_LIMIT_MS));
    signal?.addEventListener("abort", leave, { once: true });
    port1.onmessage = ({ data }) => {
      if (isAtWork(data, kind)) {
        clearTimeout(silence);
        silence = setTimeout(() => giveUp(silent(kind, limit)), limit);
      }
      if (!isReply(data, kind)) return;
      if ("answer" in data) settle(() => resolve(data.answer));
      else fail("failure" in data ? fromErrorRecord(data.failure) : otherVersion());
    };

    function settle(how: () => void): void {
      clearTimeout(silence);
      clearTimeout(work);
      signal?.removeEventListener("abort", leave);
      port1.close();
      how();
    }
  });
}

/**
 * Asks a worker that may be older than the question, and does without the answer then: undefined.
 * @throws as `askWorker`, but for another version
 */
export async function askNewer<Kind extends QuestionKind>(
  ...asked: Parameters<typeof askWorker<Kind>>
): Promise<Answer<Kind> | undefined> {
  try {
    return await askWorker(...asked);
  } catch (error) {
    if (isGridError(error, "NO_WORKER")) return undefined;
    throw error;
  }
}

/** @throws GridError NO_WORKER ("lost") if there is none any more */
export function controllerOf({ controller }: ServiceWorkerContainer): ServiceWorker {
  if (controller !== null) return controller;
  const message = "The Service Worker that reads the grid no longer controls this page. Reload the page.";
  throw new GridError("NO_WORKER", { reason: "lost" }, message);
}

function silent(kind: QuestionKind, ms: number): GridError<"TIMED_OUT"> {
  return timedOut(kind, ms, `The Service Worker did not answer within ${ms / 1000} s. Reload the page.`);
}

function stillAtWork(kind: QuestionKind): GridError<"TIMED_OUT"> {
  const seconds = WORK_LIMIT_MS / 1000;
  const message = `The Service Worker is still at work on this after ${seconds} s, and may finish it. Try again later.`;
  return timedOut(kind, WORK_LIMIT_MS, message);
}

function timedOut(kind: QuestionKind, ms: number, message: string): GridError<"TIMED_OUT"> {
  return new GridError("TIMED_OUT", { what: `the worker's answer to "${kind}"`, ms }, message);
}

function otherVersion(): GridError<"NO_WORKER"> {
  const message =
    "The Service Worker is of another version than this page and does not understand it. Reload the page.";
  return new GridError("NO_WORKER", { reason: "version" }, message);
}
