import { fromErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { type Answer, isReply, type Payload, type QuestionKind, question } from "../channel/messages.ts";

/** A worker that is started for the question and answers from memory takes some 20 ms; a busy machine takes longer. */
const ANSWER_LIMIT_MS = 10_000;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds: 10 s unless given. */
  readonly limit?: number;
}

/**
 * Asks a worker.
 *
 * @throws GridError as the worker failed; NO_WORKER ("version") if it is of a version that does not understand;
 *   TIMED_OUT if it is silent; the signal's reason
 */
export function askWorker<Kind extends QuestionKind>(
  worker: ServiceWorker,
  kind: Kind,
  payload: Payload<Kind>,
  { signal, limit = ANSWER_LIMIT_MS }: AskOptions = {},
): Promise<Answer<Kind>> {
  return new Promise<Answer<Kind>>((resolve, reject) => {
    signal?.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => settle(() => reject(silent(kind, limit))), limit);
    const leave = () => settle(() => reject(signal?.reason));
    signal?.addEventListener("abort", leave, { once: true });
    port1.onmessage = ({ data }) => {
      if (!isReply(data, kind)) return;
      if ("answer" in data) settle(() => resolve(data.answer));
      else settle(() => reject("failure" in data ? fromErrorRecord(data.failure) : otherVersion()));
    };
    worker.postMessage(question(kind, payload), [port2]);

    function settle(how: () => void): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
      port1.close();
      how();
    }
  });
}

function silent(kind: QuestionKind, ms: number): GridError<"TIMED_OUT"> {
  const message = `The Service Worker did not answer within ${ms / 1000} s. Reload the page.`;
  return new GridError("TIMED_OUT", { what: `the worker's answer to "${kind}"`, ms }, message);
}

function otherVersion(): GridError<"NO_WORKER"> {
  const message =
    "The Service Worker is of another version than this page and does not understand it. Reload the page.";
  return new GridError("NO_WORKER", { reason: "version" }, message);
}
