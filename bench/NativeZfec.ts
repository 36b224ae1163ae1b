import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The bundle lies in dist/bench/, the script in bench/. */
const SCRIPT = fileURLToPath(new URL("../../bench/native-zfec.py", import.meta.url));

/** zfec from PyPI, in a Python process that waits between measurements. */
export class NativeZfec {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param bin the folder of the environment's commands */
  constructor(bin: string) {
    this.#process = spawn(join(bin, "python"), [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** The seconds that so many decodes took. */
  async decode(count: number): Promise<number> {
    this.#process.stdin!.write(`${count}\n`);
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("python, or its zfec, does not start");
    return Number(value);
  }

  close(): void {
    this.#process.kill();
  }
}
