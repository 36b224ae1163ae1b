import { writeFile } from "node:fs/promises";
import type { Interface } from "node:readline";
import { By, Key, type WebDriver, type WebElement } from "selenium-webdriver";
import { pause } from "../chance.ts";

type InWindow = <Result>(command: (driver: WebDriver) => Promise<Result>) => Promise<Result>;
// biome-ignore lint/suspicious/noExplicitAny: functions of any kind are sent to the page, as with puppeteer's Page.
type InPage = string | ((...args: any[]) => unknown);

interface Waiting {
  readonly timeout?: number;
}

const WAIT_LIMIT_MS = 30_000;
/** The names that the specs use. */
const KEYS: Readonly<Record<string, string>> = {
  Tab: Key.TAB,
  Enter: Key.ENTER,
  Escape: Key.ESCAPE,
  Shift: Key.SHIFT,
  Backspace: Key.BACK_SPACE,
  ArrowDown: Key.ARROW_DOWN,
  ArrowUp: Key.ARROW_UP,
  ArrowLeft: Key.ARROW_LEFT,
  ArrowRight: Key.ARROW_RIGHT,
};

/**
 * A tab of WebKitGTK, with as much of puppeteer's `Page` as the specs in e2e/both/ use: they are written for that. What there is no means
 * for in WebDriver (events of requests, a sandboxed frame's inside) it has not.
 */
export class WebKitPage {
  readonly keyboard: {
    press(key: string): Promise<void>;
    down(key: string): Promise<void>;
    up(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
  readonly #inWindow: InWindow;
  readonly #closed: () => void;
  readonly #console: Interface;
  readonly #early: InPage[] = [];
  #url = "about:blank";

  /**
   * @param inWindow runs a command when it is its turn, with this tab's window chosen
   * @param closed is told when this tab is no more
   * @param console what the browser writes of all tabs' consoles, by lines
   */
  constructor(inWindow: InWindow, closed: () => void, console: Interface) {
    this.#inWindow = inWindow;
    this.#closed = closed;
    this.#console = console;
    const nameOf = (key: string): string => KEYS[key] ?? key;
    this.keyboard = {
      press: (key) => this.#act((driver) => driver.actions().keyDown(nameOf(key)).keyUp(nameOf(key))),
      down: (key) => this.#act((driver) => driver.actions().keyDown(nameOf(key))),
      up: (key) => this.#act((driver) => driver.actions().keyUp(nameOf(key))),
      type: (text) => this.#act((driver) => driver.actions().sendKeys(...text)),
    };
  }

  async goto(url: string): Promise<void> {
    await this.#inWindow(async (driver) => {
      await driver.get(url);
      this.#url = await driver.getCurrentUrl();
    });
    // As in any browser, what fails of it fails in the page and stops nothing.
    for (const work of this.#early) await this.evaluate(work).catch(() => undefined);
  }

  /** As early as WebDriver can: when the page has loaded. */
  async evaluateOnNewDocument(work: InPage): Promise<void> {
    this.#early.push(work);
  }

  /** Uncaught errors are lines of the console here. */
  on(event: "console" | "pageerror", hear: (message: { text(): string }) => void): void {
    if (event !== "console" && event !== "pageerror") throw new Error(`WebDriver tells of no ${event}`);
    if (event === "console") this.#console.on("line", (line) => hear({ text: () => line }));
  }

  reload(): Promise<void> {
    return this.#inWindow((driver) => driver.navigate().refresh());
  }

  goBack(): Promise<void> {
    return this.#inWindow((driver) => driver.navigate().back());
  }

  goForward(): Promise<void> {
    return this.#inWindow((driver) => driver.navigate().forward());
  }

  /** As of the last command. */
  url(): string {
    return this.#url;
  }

  title(): Promise<string> {
    return this.#inWindow((driver) => driver.getTitle());
  }

  async close(): Promise<void> {
    await this.#inWindow((driver) => driver.close());
    this.#closed();
  }

  /** Every command goes to its own window: none has to be in front. */
  async bringToFront(): Promise<void> {}

  setViewport({ width, height }: { readonly width: number; readonly height: number }): Promise<void> {
    return this.#inWindow(async (driver) => {
      await driver.manage().window().setRect({ width, height });
    });
  }

  async screenshot({ path }: { readonly path?: string } = {}): Promise<Buffer> {
    const picture = Buffer.from(await this.#inWindow((driver) => driver.takeScreenshot()), "base64");
    if (path !== undefined) await writeFile(path, picture);
    return picture;
  }

  /**
   * Runs a function in the page and waits for what it resolves with, which must be JSON. The page is asked again and again whether
   * it has it, since a command that lasts would hold up all others.
   */
  async evaluate(work: InPage, ...args: unknown[]): Promise<unknown> {
    const source = typeof work === "string" ? `() => (${work})` : String(work);
    const id = crypto.randomUUID();
    const given = args.map((each) => (each instanceof WebKitElement ? each.element : (each ?? null)));
    let answer = await this.#inWindow((driver) => start(driver, source, id, given));
    for (let wait = 2; ; wait = Math.min(1.5 * wait, 60)) {
      if (answer?.url !== undefined) this.#url = answer.url;
      if (answer?.isGone) throw new Error("Execution context was destroyed");
      if (answer?.error !== undefined) throw new Error(answer.error);
      if (answer?.json !== undefined) return JSON.parse(answer.json).value;
      await pause(wait);
      answer = await this.#inWindow((driver) =>
        driver.executeScript<PageAnswer | null>(`return (${ASK})(...arguments)`, id),
      );
    }
  }

  async $(selector: string): Promise<WebKitElement | null> {
    const [first] = await this.#inWindow((driver) => driver.findElements(By.css(selector)));
    return first === undefined ? null : new WebKitElement(this, first);
  }

  async $eval(selector: string, work: InPage, ...args: unknown[]): Promise<unknown> {
    return (await this.#one(selector)).evaluate(work, ...args);
  }

  $$eval(selector: string, work: InPage, ...args: unknown[]): Promise<unknown> {
    return this.evaluate(
      `(${work})([...document.querySelectorAll(${JSON.stringify(selector)})], ...${JSON.stringify(args)})`,
    );
  }

  async click(selector: string): Promise<void> {
    await (await this.#one(selector)).click();
  }

  async type(selector: string, text: string): Promise<void> {
    const { element } = await this.#one(selector);
    await this.#inWindow(() => element.sendKeys(text));
  }

  waitForSelector(selector: string, options?: Waiting): Promise<WebKitElement> {
    return waitFor(() => this.$(selector), selector, options);
  }

  waitForFunction(work: InPage, options?: Waiting, ...args: unknown[]): Promise<unknown> {
    const isTrue = async () => {
      try {
        return await this.evaluate(work, ...args);
      } catch (error) {
        // The page was replaced meanwhile, which is what is often waited for.
        if (/destroyed/.test(String(error))) return undefined;
        throw error;
      }
    };
    return waitFor(isTrue, String(work), options);
  }

  textsInFrames(): Promise<string[]> {
    return this.#inWindow(async (driver) => {
      const texts: string[] = [];
      for (const frame of await driver.findElements(By.css("iframe"))) {
        await driver.switchTo().frame(frame);
        texts.push(await driver.executeScript<string>("return document.documentElement.textContent"));
        await driver.switchTo().defaultContent();
      }
      return texts;
    });
  }

  /** For elements of this page. */
  act(command: () => Promise<void>): Promise<void> {
    return this.#inWindow(command);
  }

  async #one(selector: string): Promise<WebKitElement> {
    const found = await this.$(selector);
    if (found === null) throw new Error(`no element matches ${selector}`);
    return found;
  }

  #act(actions: (driver: WebDriver) => ReturnType<WebDriver["actions"]>): Promise<void> {
    return this.#inWindow((driver) => actions(driver).perform());
  }
}

/** An element of the page. */
class WebKitElement {
  readonly element: WebElement;
  readonly #page: WebKitPage;

  constructor(page: WebKitPage, element: WebElement) {
    this.#page = page;
    this.element = element;
  }

  evaluate(work: InPage, ...args: unknown[]): Promise<unknown> {
    return this.#page.evaluate(work, this, ...args);
  }

  click(): Promise<void> {
    return this.#page.act(() => this.element.click());
  }
}

/** What the page knows of a function that it runs: nothing yet, how it ended, or that it is a new page. */
interface PageAnswer {
  readonly url?: string;
  readonly json?: string;
  readonly error?: string;
  readonly isGone?: true;
}

/** What the page says of the function of this id. */
const ASK = `(id) => {
  const ended = window.gridfetchEnded;
  if (!ended?.has(id)) return { isGone: true };
  const answer = ended.get(id);
  if (answer === undefined) return null;
  ended.delete(id);
  return { ...answer, url: location.href };
}`;

/** Starts the function, and says at once how it ended where that takes no task: the next one may leave the page, which knows no more then. */
function startScript(source: string): string {
  return `const [id, ...args] = arguments;
    const tell = args.pop();
    const ended = (window.gridfetchEnded ??= new Map());
    ended.set(id, undefined);
    const nextTask = new Promise((resolve) => setTimeout(resolve));
    const work = Promise.resolve().then(() => (${source})(...args)).then(
      (value) => ended.set(id, { json: JSON.stringify({ value }) }),
      (error) => ended.set(id, { error: String(error) }),
    );
    Promise.race([work, nextTask]).then(() => tell((${ASK})(id)));`;
}

async function start(
  driver: WebDriver,
  source: string,
  id: string,
  given: readonly unknown[],
): Promise<PageAnswer | null> {
  try {
    return await driver.executeAsyncScript<PageAnswer | null>(startScript(source), id, ...given);
  } catch (error) {
    if (/unload/.test(String(error))) return { isGone: true };
    throw error;
  }
}

async function waitFor<Value>(
  look: () => Promise<Value | null | undefined>,
  what: string,
  { timeout = WAIT_LIMIT_MS }: Waiting = {},
): Promise<Value> {
  const end = performance.now() + timeout;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited for ${what.slice(0, 100)} in vain`);
    await pause(100);
  }
}
