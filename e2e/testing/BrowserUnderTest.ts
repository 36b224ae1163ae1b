import { existsSync, rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, launch, type Page } from "puppeteer-core";
import { findChromium } from "../setup/findChromium.mjs";
import { findFirefox } from "../setup/findFirefox.mjs";
import { WebKitBrowser } from "./webkit/WebKitBrowser.ts";

/** Milliseconds in which a browser has to start: puppeteer's 30 s are too few for two of them on a busy machine. */
const START_LIMIT = 90_000;

export type BrowserKind = "chromium" | "firefox" | "webkit";

/** What is different from a browser as a person starts it. */
export interface BrowserChoices {
  /** Firefox's own settings, `about:config`'s. */
  readonly firefoxPreferences?: Readonly<Record<string, string | number | boolean>>;
  readonly chromiumArguments?: readonly string[];
  /** Accepts the certificates of test servers. */
  readonly acceptInsecureCerts?: boolean;
}

/**
 * A real browser with a profile on disk, so that it can be closed, or killed, and started again. Chromium is driven by
 * its devtools protocol, Firefox by WebDriver BiDi, WebKit by WebDriver.
 */
export class BrowserUnderTest {
  readonly kind: BrowserKind;
  /** Where it saves what it downloads, without asking. */
  readonly downloadFolder: string;
  readonly #folder: string;
  readonly #choices: BrowserChoices;
  #browser: RunningBrowser;

  private constructor(kind: BrowserKind, folder: string, choices: BrowserChoices, browser: RunningBrowser) {
    this.kind = kind;
    this.#folder = folder;
    this.#choices = choices;
    this.downloadFolder = join(folder, "downloads");
    this.#browser = browser;
  }

  /** @throws Error if there is no such browser here */
  static async start(kind: BrowserKind, choices: BrowserChoices = {}): Promise<BrowserUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), `gridfetch-${kind}-`));
    await mkdir(join(folder, "downloads"));
    return new BrowserUnderTest(kind, folder, choices, await startBrowser(kind, folder, choices));
  }

  newTab(): Promise<Page> {
    return this.#browser.newPage();
  }

  /** Ends it as a person does, or, with "kill", as a crash does, and starts it with the same profile. Tabs do not come back. */
  async restart(how: "close" | "kill" = "close"): Promise<void> {
    await (how === "kill" ? this.#browser.kill() : this.#browser.close());
    this.#browser = await startBrowser(this.kind, this.#folder, this.#choices);
  }

  /**
   * Ends every Service Worker at once, whatever it is doing. In Chromium alone: the others have no such means, but Firefox ends idle
   * ones by `dom.serviceWorkers.idle_timeout`.
   */
  async stopWorkers(page: Page): Promise<void> {
    if (this.kind !== "chromium") throw new Error(`${this.kind} cannot be told to stop a worker`);
    const session = await page.createCDPSession();
    await session.send("ServiceWorker.enable");
    await session.send("ServiceWorker.stopAllWorkers");
    await session.detach();
  }

  /**
   * Waits until a download is complete.
   * @returns its path
   * @throws Error after `seconds`, naming what is there
   */
  async downloaded(name: string, seconds = 60): Promise<string> {
    const path = join(this.downloadFolder, name);
    for (let waited = 0; waited < seconds * 10; waited++) {
      const names = await readdir(this.downloadFolder);
      const isPartial = names.some((each) => /\.(?:part|crdownload|wkdownload)$/.test(each));
      // Firefox makes an empty file of the final name at once, to have the name.
      if (names.includes(name) && !isPartial && (await isSettled(path))) return path;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(
      `${name} was not downloaded; there: ${(await readdir(this.downloadFolder)).join(", ") || "nothing"}`,
    );
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** What this takes from a browser, whichever drives it. */
interface RunningBrowser {
  newPage(): Promise<Page>;
  /** Both resolve when its process has ended. */
  close(): Promise<void>;
  kill(): Promise<void>;
}

async function isSettled(path: string): Promise<boolean> {
  const before = await stat(path);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { size } = await stat(path);
  return size === before.size && size > 0;
}

async function startBrowser(kind: BrowserKind, folder: string, choices: BrowserChoices): Promise<RunningBrowser> {
  const profile = join(folder, "profile");
  const downloads = join(folder, "downloads");
  const acceptInsecureCerts = choices.acceptInsecureCerts ?? false;
  if (kind === "webkit") {
    const browser = await WebKitBrowser.start({ profile, downloads, acceptInsecureCerts });
    return {
      // It has as much of a Page as the specs use.
      newPage: async () => (await browser.newPage()) as unknown as Page,
      close: () => browser.close(),
      kill: () => browser.kill(),
    };
  }
  const start = kind === "chromium" ? startChromium : startFirefox;
  return driven(await start(profile, downloads, acceptInsecureCerts, choices));
}

/** A browser that puppeteer drives. */
function driven(browser: Browser): RunningBrowser {
  const process = browser.process();
  const ended = new Promise<void>((resolve) => {
    if (process === null) resolve();
    else process.once("exit", () => resolve());
  });
  return {
    async newPage() {
      const page = await browser.newPage();
      // A test's own limit ends a wait; puppeteer's 30 s are too few for two browsers on a busy machine.
      page.setDefaultTimeout(100_000);
      return page;
    },
    async close() {
      await browser.close();
      await ended;
    },
    async kill() {
      process?.kill("SIGKILL");
      await ended;
    },
  };
}

async function startChromium(
  userDataDir: string,
  downloadPath: string,
  acceptInsecureCerts: boolean,
  { chromiumArguments = [] }: BrowserChoices,
): Promise<Browser> {
  const chromium = findChromium();
  if (!chromium) throw new Error("No Chromium was found. `npm test` installs one; or set GRIDFETCH_CHROMIUM to one.");
  return launch({
    browser: "chrome",
    timeout: START_LIMIT,
    executablePath: chromium.path,
    userDataDir,
    acceptInsecureCerts,
    downloadBehavior: { policy: "allow", downloadPath },
    args: [
      // Chromium's sandbox refuses to start as root, as in a container.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--autoplay-policy=no-user-gesture-required",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-quic",
      "--disable-gpu",
      "--no-first-run",
      ...chromiumArguments,
    ],
  });
}

async function startFirefox(
  profile: string,
  downloadFolder: string,
  acceptInsecureCerts: boolean,
  { firefoxPreferences = {} }: BrowserChoices,
): Promise<Browser> {
  const firefox = findFirefox();
  if (!firefox)
    throw new Error("No Firefox that plays MP4 was found. `npm test` installs one; or set GRIDFETCH_FIREFOX to one.");
  if (!existsSync(profile)) await cp(await firstFirefoxProfile(firefox.path), profile, { recursive: true });
  return launch({
    browser: "firefox",
    timeout: START_LIMIT,
    executablePath: firefox.path,
    userDataDir: profile,
    acceptInsecureCerts,
    extraPrefsFirefox: {
      "media.autoplay.default": 0,
      "browser.download.folderList": 2,
      "browser.download.dir": downloadFolder,
      "browser.download.useDownloadDir": true,
      "browser.download.always_ask_before_handling_new_types": false,
      "browser.download.manager.addToRecentDocs": false,
      "browser.helperApps.neverAsk.saveToDisk":
        "application/octet-stream,text/plain,video/mp4,video/webm,audio/mpeg,application/pdf,image/jpeg",
      ...firefoxPreferences,
    },
  });
}

let firstProfile: Promise<string> | undefined;

/**
 * What Firefox makes of an empty profile. It works on that for seconds, at each first start: so it does it once, and browsers begin with a copy,
 * in which no page has been yet.
 */
function firstFirefoxProfile(executablePath: string): Promise<string> {
  firstProfile ??= makeFirefoxProfile(executablePath);
  return firstProfile;
}

async function makeFirefoxProfile(executablePath: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gridfetch-firefox-first-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const browser = driven(
    await launch({ browser: "firefox", timeout: START_LIMIT, executablePath, userDataDir: folder }),
  );
  await browser.close();
  // Puppeteer's settings for that start. Where a profile has some, puppeteer puts them back when the browser has ended, and perhaps over those of its
  // next start.
  await rm(join(folder, "user.js"), { force: true });
  return folder;
}
