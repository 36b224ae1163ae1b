import { type Answer, isAnswer, type QuestionKind, question } from "../channel/messages.ts";

/** Asks a worker and resolves with its answer. A worker that does not understand never answers: set a limit. */
export function askWorker<Kind extends QuestionKind>(worker: ServiceWorker, kind: Kind): Promise<Answer<Kind>> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      port1.close();
      if (isAnswer(data, kind)) resolve(data);
    };
    worker.postMessage(question(kind), [port2]);
  });
}
