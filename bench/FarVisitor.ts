import type { Browser, BrowserContext, Page } from "@playwright/test";
import type * as Client from "../src/client/index.ts";
import { endWorkers, readInPage } from "./BenchBrowser.ts";

const WORKER = "/gridfetch-worker.js?tahoe-forms";

/** Somebody with a new profile who has opened the app's page. */
export class FarVisitor {
  readonly #context: BrowserContext;
  readonly #page: Page;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.#page = page;
  }

  /** Resolves when a worker controls the page; it has been asked nothing. */
  static async arrive(browser: Browser, url: string): Promise<FarVisitor> {
    const context = await browser.newContext({ baseURL: url });
    const page = await context.newPage();
    await page.goto("/");
    await page.evaluate(async (worker) => {
      await navigator.serviceWorker.register(worker, { updateViaCache: "none" });
      await navigator.serviceWorker.ready;
    }, WORKER);
    await page.reload();
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null && "client" in window);
    return new FarVisitor(context, page);
  }

  /** As apps do at their start. */
  async connect(): Promise<void> {
    await this.#page.evaluate(async (workerUrl) => {
      await (window as unknown as { client: typeof Client }).client.connect({ workerUrl });
    }, WORKER);
  }

  /**
   * Seconds until the first verified byte.
   * @param at where the range begins, in bytes
   * @param enough how much is taken before the reader leaves
   */
  async read(url: string, at: number, enough: number): Promise<number> {
    const range = `bytes=${at}-`;
    const { status, firstByte } = await readInPage(this.#page, url, { range, enough });
    if (status !== 206) throw new Error(`HTTP ${status} at ${at}`);
    return firstByte;
  }

  async endWorker(): Promise<void> {
    await endWorkers(this.#page);
  }

  async leave(): Promise<void> {
    await this.#context.close();
  }
}
