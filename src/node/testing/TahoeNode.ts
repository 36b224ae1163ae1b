import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

/** One running Tahoe-LAFS node. It does not outlive this process: `tahoe run` ends when its standard input closes. */
export class TahoeNode {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /**
   * Runs the node that lives in `folder`, and waits until it says that it is up.
   * @param bin where the `tahoe` command is
   * @throws Error with the end of its log if it exits instead, or is not up after a minute
   */
  static async start(bin: string, folder: string): Promise<TahoeNode> {
    const child = spawn(join(bin, "tahoe"), ["run", folder], { stdio: ["pipe", "pipe", "pipe"] });
    const node = new TahoeNode(child);
    try {
      await untilUp(child);
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  get isRunning(): boolean {
    const { pid, exitCode, signalCode } = this.#process;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Ends the process and waits for that; does nothing once it has ended. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.#end("SIGTERM");
    clearTimeout(timer);
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#process, "exit");
    this.#process.kill(signal);
    await exited;
  }
}

function untilUp(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`tahoe run ${why}. Its log ends with: ${log.slice(-2000)}`));
    };
    const timer = setTimeout(() => fail("was not up in time"), START_LIMIT_MS);
    const listen = (chunk: Buffer) => {
      // Reading goes on for the node's whole life, or the pipe would fill up and stop it; only the start is kept.
      if (log.length < 100_000) log += chunk.toString();
      if (!log.includes("client running")) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    child.once("exit", (code) => fail(`ended with status ${code}`));
  });
}
