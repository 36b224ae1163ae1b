import { toErrorRecord } from "../base/errorRecord.ts";
import {
  type Answer,
  atWork,
  failureReply,
  isMessage,
  isQuestion,
  misunderstoodReply,
  type Payload,
  type QuestionKind,
  reply,
} from "../channel/messages.ts";

declare const self: ServiceWorkerGlobalScope;

/** How each question is answered. What an answer throws is told to the page. */
export type Answers = {
  readonly [Kind in QuestionKind]: (
    payload: Payload<Kind>,
    event: ExtendableMessageEvent,
  ) => Answer<Kind> | Promise<Answer<Kind>>;
};

/** A page waits 10 s for the next word. */
const AT_WORK_MS = 3_000;

/** Answers what pages ask, and keeps the worker alive until it has. Messages of others' are left alone. */
export function answerPages(answers: Answers): void {
  self.addEventListener("message", (event) => {
    const [port] = event.ports;
    if (port === undefined || !isMessage(event.data)) return;
    if (isQuestion(event.data)) event.waitUntil(answer(event.data.kind, event.data.payload, event, port));
    else port.postMessage(misunderstoodReply(event.data.kind));
  });

  async function answer<Kind extends QuestionKind>(
    kind: Kind,
    payload: Payload<Kind>,
    event: ExtendableMessageEvent,
    port: MessagePort,
  ): Promise<void> {
    const telling = setInterval(() => port.postMessage(atWork(kind)), AT_WORK_MS);
    try {
      port.postMessage(reply(kind, await answers[kind](payload, event)));
    } catch (error) {
      port.postMessage(failureReply(kind, toErrorRecord(error)));
    } finally {
      clearInterval(telling);
    }
  }
}
