import { type ChildProcess, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Builder, Capabilities, type WebDriver } from "selenium-webdriver";
import { pause } from "../chance.ts";
import { WebKitPage } from "./WebKitPage.ts";

/** The browser's own name, by which the driver knows it. */
const NAME = "gridfetch-webkit";
const PROGRAM = fileURLToPath(new URL("browser.py", import.meta.url));
/** A page may work on one script for this long: a film that plays, a download that is waited for. */
const SCRIPT_LIMIT_MS = 100_000;

export interface WebKitOptions {
  /** Where the profile is. Two browsers in turn may have the same. */
  readonly profile: string;
  /** Where downloads go. */
  readonly downloads: string;
  readonly acceptInsecureCerts: boolean;
}

/**
 * WebKitGTK in a window on a display of its own, driven through WebKitWebDriver. One driver serves one browser: it knows only one
 * session at a time.
 */
export class WebKitBrowser {
  readonly #processes: readonly ChildProcess[];
  readonly #driver: WebDriver;
  /** What the browser writes of its tabs' consoles. */
  readonly #console: Interface;
  /** The driver takes one command at a time, and each goes to the window that is chosen then. */
  #last: Promise<unknown> = Promise.resolve();
  #chosen: string;
  readonly #open = new Set<string>();
  /** The window that the browser starts with. */
  #unused: string | undefined;

  private constructor(processes: readonly ChildProcess[], driver: WebDriver, console: Interface, window: string) {
    this.#processes = processes;
    this.#driver = driver;
    this.#console = console;
    this.#chosen = window;
    this.#unused = window;
  }

  static async start({ profile, downloads, acceptInsecureCerts }: WebKitOptions): Promise<WebKitBrowser> {
    const home = join(profile, "home");
    await mkdir(home, { recursive: true });
    const display = await startDisplay();
    const port = await freePort();
    const service = spawn("WebKitWebDriver", [`--port=${port}`], {
      // A group of its own, so that what the browser starts ends with it.
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        ...process.env,
        DISPLAY: display.name,
        GDK_BACKEND: "x11",
        LIBGL_ALWAYS_SOFTWARE: "1",
        NO_AT_BRIDGE: "1",
        HOME: home,
        XDG_CONFIG_HOME: join(home, "config"),
        XDG_CACHE_HOME: join(home, "cache"),
        XDG_DATA_HOME: join(home, "data"),
      },
    });
    const processes = [service, display.process];
    try {
      const url = `http://127.0.0.1:${port}`;
      await isThere(`${url}/status`);
      const args = [`--profile=${profile}`, `--downloads=${downloads}`, ...(acceptInsecureCerts ? ["--insecure"] : [])];
      const wanted = new Capabilities({
        browserName: NAME,
        "webkitgtk:browserOptions": { binary: PROGRAM, args: ["--automation", ...args] },
      });
      const driver = await new Builder().usingServer(url).withCapabilities(wanted).build();
      await driver.manage().setTimeouts({ script: SCRIPT_LIMIT_MS, pageLoad: 60_000 });
      const console = createInterface({ input: service.stdout });
      return new WebKitBrowser(processes, driver, console, await driver.getWindowHandle());
    } catch (error) {
      killAll(processes);
      throw error;
    }
  }

  async newPage(): Promise<WebKitPage> {
    const window = this.#unused ?? (await this.#newWindow());
    this.#unused = undefined;
    this.#open.add(window);
    const closed = () => void this.#open.delete(window);
    return new WebKitPage((command) => this.#inWindow(window, command), closed, this.#console);
  }

  /** Ends it as a person does. */
  async close(): Promise<void> {
    await Promise.race([this.#driver.quit().catch(() => undefined), pause(5_000)]);
    await this.kill();
  }

  /** Ends it, and all that it has started, as a crash does. */
  async kill(): Promise<void> {
    const ended = this.#processes.map(
      (each) => new Promise((resolve) => (isOver(each) ? resolve(undefined) : each.once("exit", resolve))),
    );
    killAll(this.#processes);
    await Promise.all(ended);
  }

  #newWindow(): Promise<string> {
    // It takes one to open another.
    const [opener = this.#chosen] = this.#open;
    return this.#inWindow(opener, async (driver) => {
      await driver.switchTo().newWindow("tab");
      this.#chosen = await driver.getWindowHandle();
      return this.#chosen;
    });
  }

  #inWindow<Result>(window: string, command: (driver: WebDriver) => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(async () => {
      if (this.#chosen !== window) await this.#driver.switchTo().window(window);
      this.#chosen = window;
      return command(this.#driver);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** An X server without a screen that chooses a free number for itself. */
async function startDisplay(): Promise<{ readonly process: ChildProcess; readonly name: string }> {
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise<string>((resolve, reject) => {
    (server.stdio[3] as Readable).once("data", (data: Buffer) => resolve(data.toString().trim()));
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return { process: server, name: `:${number}` };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/** The driver says nothing when it is ready. */
async function isThere(url: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (tries === 100) throw error;
    }
    await pause(100);
  }
}

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function killAll(processes: readonly ChildProcess[]): void {
  for (const { pid } of processes) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}
