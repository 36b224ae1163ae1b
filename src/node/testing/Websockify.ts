import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseNurl } from "../../servers/parseNurl.ts";
import { freePort } from "./freePort.ts";
import { listens } from "./listens.ts";

const START_LIMIT_MS = 30_000;

/** websockify from PyPI, as an operator would run it before storage servers. */
export class Websockify {
  /** What a grid's configuration has as "relay". */
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `ws://127.0.0.1:${port}/`;
  }

  /**
   * @param bin the folder that holds the `websockify` command
   * @param folder for its list of servers
   */
  static async start(bin: string, folder: string, nurls: readonly string[], origin: string): Promise<Websockify> {
    const tokens = join(folder, "websockify-tokens");
    const lines = nurls.map(parseNurl).map(({ tlsId, host, port }) => `${tlsId}: ${host}:${port}\n`);
    await writeFile(tokens, lines.join(""));
    const port = await freePort();
    const plugins = ["--token-plugin", "TokenFile", "--token-source", tokens];
    const auth = ["--auth-plugin", "ExpectOrigin", "--auth-source", origin];
    const child = spawn(join(bin, "websockify"), [...plugins, ...auth, `127.0.0.1:${port}`], { stdio: "ignore" });
    const deadline = Date.now() + START_LIMIT_MS;
    while (!(await listens(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error("websockify did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new Websockify(child, port);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await gone;
  }
}
