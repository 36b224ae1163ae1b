import { readFile } from "node:fs/promises";
import type { Browser, BrowserContext, Page } from "@playwright/test";
import { AppServer } from "../src/node/demo/AppServer.ts";
import type { Bench } from "./Bench.ts";
import { launchChromium } from "./launchChromium.ts";
import { WorkerInspector } from "./WorkerInspector.ts";

/** A read by a page. */
export interface PageRead {
  readonly status: number;
  readonly bytes: number;
  /** Seconds until the first bytes, and until the end. */
  readonly firstByte: number;
  readonly seconds: number;
}

/** A web server that passes what a browser asks on to the bench's own, which is to listen at `appPort`. */
export interface Front {
  readonly url: string;
  readonly appPort: number;
}

/** A page in Chromium that the bench's Service Worker controls, and the web server behind it. */
export class BenchBrowser {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #context: BrowserContext;
  readonly #app: AppServer;

  private constructor(browser: Browser, context: BrowserContext, app: AppServer, page: Page) {
    this.#browser = browser;
    this.#context = context;
    this.#app = app;
    this.page = page;
  }

  /**
   * @param folder what the web server serves: the bench's page and worker, and files to compare with
   * @param configFile the grid's `grid.json`
   * @param front a web server before ours, by which the browser comes
   */
  static async start(
    { chromium: found }: Bench,
    folder: string,
    configFile?: string,
    front?: Front,
  ): Promise<BenchBrowser> {
    if ("missing" in found) throw new Error(`there is no Chromium: ${found.missing}`);
    const documents = configFile === undefined ? {} : { "/grid.json": JSON.parse(await readFile(configFile, "utf8")) };
    const app = await AppServer.start({ folder, port: front?.appPort ?? 0, documents });
    // For the front's certificate, which nobody signed.
    const browser = await launchChromium(found.path, front ? ["--ignore-certificate-errors"] : []);
    const context = await browser.newContext({ baseURL: front?.url ?? app.url });
    const page = await context.newPage();
    await page.goto("/index.html");
    await page.evaluate(() =>
      navigator.serviceWorker.register("/gridfetch-worker.js?tahoe-forms").then(() => undefined),
    );
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    return new BenchBrowser(browser, context, app, page);
  }

  /** A page like ours that no worker controls. */
  async workerlessPage(): Promise<Page> {
    const context = await this.#browser.newContext({ baseURL: this.#app.url, serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto("/index.html");
    return page;
  }

  /**
   * Has a page fetch and read.
   * @param range `bytes=…`
   * @param enough stop after so many bytes
   */
  async read(url: string, options: { range?: string; enough?: number; page?: Page } = {}): Promise<PageRead> {
    return readInPage(options.page ?? this.page, url, options);
  }

  /** As `read`, for a body of which every byte must come. */
  async readAll(url: string, size: number, page = this.page): Promise<PageRead> {
    const read = await this.read(url, { page });
    if (read.status !== 200 || read.bytes !== size)
      throw new Error(`HTTP ${read.status}, ${read.bytes} of ${size} bytes`);
    return read;
  }

  /** Ends the worker, as the browser does with one that has been idle. The next read starts it again. */
  endWorker(): Promise<void> {
    return endWorkers(this.page);
  }

  /** Asks the worker something. @throws Error with what went wrong there */
  async ask<T>(question: unknown): Promise<T> {
    const answer = await this.page.evaluate((question) => {
      const { port1, port2 } = new MessageChannel();
      const answered = new Promise<unknown>((resolve) => {
        port1.onmessage = ({ data }) => resolve(data);
      });
      navigator.serviceWorker.controller?.postMessage(question, [port2]);
      return answered;
    }, question);
    const { error } = answer as { error?: string };
    if (error !== undefined) throw new Error(`in the worker: ${error}`);
    return answer as T;
  }

  inspectWorker(): Promise<WorkerInspector> {
    return WorkerInspector.attach(this.#browser);
  }

  /** The bytes of memory that all renderer processes, the worker's among them, have for themselves. Linux alone tells. */
  async renderers(): Promise<() => Promise<number>> {
    const session = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    const pids = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
    return async () => {
      const sizes = await Promise.all(pids.map(anonymousMemory));
      return sizes.reduce((sum, size) => sum + size, 0);
    };
  }

  async close(): Promise<void> {
    await this.#context.close();
    await this.#browser.close();
    await this.#app.close();
  }
}

/** As `BenchBrowser.read`. */
export async function readInPage(
  page: Page,
  url: string,
  { range, enough }: { range?: string; enough?: number },
): Promise<PageRead> {
  return page.evaluate(
    async ({ url, range, enough }) => {
      const began = performance.now();
      const response = await fetch(url, { cache: "no-store", headers: range === undefined ? {} : { Range: range } });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      let bytes = 0;
      let firstByte = 0;
      while (bytes < (enough ?? Number.POSITIVE_INFINITY)) {
        const { done, value } = await reader.read();
        if (done) break;
        if (bytes === 0) firstByte = (performance.now() - began) / 1000;
        bytes += value.length;
      }
      const seconds = (performance.now() - began) / 1000;
      await reader.cancel();
      return { status: response.status, bytes, firstByte, seconds };
    },
    { url, range, enough },
  );
}

/** As `BenchBrowser.endWorker`. */
export async function endWorkers(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  await session.detach();
}

async function anonymousMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kilobytes === undefined) throw new Error("this system does not tell the memory of a process (/proc is Linux's)");
  return Number(kilobytes) * 1024;
}
