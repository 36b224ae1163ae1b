import { toErrorRecord } from "../base/errorRecord.ts";
import {
  type Answer,
  atWork,
  failureReply,
  isMessage,
  isNeverMind,
  isQuestion,
  misunderstoodReply,
  type Payload,
  type QuestionKind,
  reply,
  type Versions,
} from "../channel/messages.ts";

declare const self: ServiceWorkerGlobalScope;

/** How each question is answered. What an answer throws is told to the page. */
export type Answers = {
  readonly [Kind in QuestionKind]: (
    payload: Payload<Kind>,
    event: Pick<ExtendableEvent, "waitUntil">,
    asker: Asker,
  ) => Answer<Kind> | Promise<Answer<Kind>>;
};

/** Who asks. */
export interface Asker {
  /** What the page understands. */
  readonly versions: Versions;
  /** Aborted when the page no longer waits for the answer. */
  readonly signal: AbortSignal;
}

/** A page waits 10 s for the next word. */
const AT_WORK_MS = 3_000;

/** Answers what pages ask, and keeps the worker alive until it has. Messages of others' are left alone. */
export function answerPages(answers: Answers): void {
  self.addEventListener("message", (event) => {
    const [port] = event.ports;
    if (port === undefined || !isMessage(event.data)) return;
    const asked: unknown = event.data;
    if (isQuestion(asked)) event.waitUntil(answer(asked.kind, asked.payload, event, asked.gridfetch, port));
    else port.postMessage(misunderstoodReply(event.data.kind));
  });

  async function answer<Kind extends QuestionKind>(
    kind: Kind,
    payload: Payload<Kind>,
    event: ExtendableEvent,
    versions: Versions,
    port: MessagePort,
  ): Promise<void> {
    const left = new AbortController();
    port.onmessage = ({ data }) => isNeverMind(data, kind) && left.abort();
    const telling = setInterval(() => port.postMessage(atWork(kind)), AT_WORK_MS);
    try {
      port.postMessage(reply(kind, await answers[kind](payload, event, { versions, signal: left.signal })));
    } catch (error) {
      port.postMessage(failureReply(kind, toErrorRecord(error)));
    } finally {
      clearInterval(telling);
      port.onmessage = null;
    }
  }
}
