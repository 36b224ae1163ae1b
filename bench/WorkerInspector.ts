import type { Browser } from "@playwright/test";

/** What the worker's own memory is made of, in bytes. */
interface HeapUsage {
  /** JavaScript objects. */
  readonly usedSize: number;
  /** The browser's objects behind them: streams, responses. */
  readonly embedderHeapUsedSize: number;
  /** Array buffers, and all of WebAssembly's memory, touched or not. */
  readonly backingStorageSize: number;
}

/**
 * Looks into a browser's Service Worker through the DevTools protocol. Playwright opens no session to a worker, so messages to it are
 * wrapped in the browser's own.
 */
export class WorkerInspector {
  readonly #send: (method: string) => Promise<unknown>;
  readonly #detach: () => Promise<void>;

  private constructor(send: (method: string) => Promise<unknown>, detach: () => Promise<void>) {
    this.#send = send;
    this.#detach = detach;
  }

  static async attach(browser: Browser): Promise<WorkerInspector> {
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send("Target.getTargets");
    const target = targetInfos.find(({ type }) => type === "service_worker");
    if (target === undefined) throw new Error("the browser has no Service Worker");
    const { sessionId } = await session.send("Target.attachToTarget", { targetId: target.targetId, flatten: false });
    const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
    session.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, result, error } = JSON.parse(message) as {
        id?: number;
        result?: unknown;
        error?: { message: string };
      };
      const asked = id === undefined ? undefined : waiting.get(id);
      if (id !== undefined) waiting.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error.message));
    });
    let count = 0;
    const send = (method: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const id = ++count;
        waiting.set(id, { resolve, reject });
        session
          .send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) })
          .catch(reject);
      });
    return new WorkerInspector(send, () => session.detach());
  }

  /** The bytes that the worker holds on to: what is left after the garbage has been collected. */
  async liveBytes(): Promise<number> {
    await this.#send("HeapProfiler.collectGarbage");
    const usage = (await this.#send("Runtime.getHeapUsage")) as HeapUsage;
    return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
  }

  async detach(): Promise<void> {
    await this.#detach();
  }
}
