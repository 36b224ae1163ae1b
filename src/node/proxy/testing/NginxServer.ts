import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listens } from "../../testing/listens.ts";

/**
 * nginx's program: what the environment variable GRIDFETCH_NGINX names (the test command looks for one), undefined
 * without one.
 */
export const nginxBin = process.env.GRIDFETCH_NGINX || undefined;

const START_LIMIT_MS = 20_000;

/** An nginx of a test's own, in one process and one folder. */
export class NginxServer {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * @param http what stands in `http { … }`
   * @param port one on which it then listens
   */
  static async start(folder: string, http: string, port: number): Promise<NginxServer> {
    await mkdir(folder, { recursive: true });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${kind};`);
    const configuration = [
      ...["daemon off;", "master_process off;", "pid nginx.pid;", "error_log error.log info;"],
      ...["events { worker_connections 512; }", "http {", "access_log access.log;", ...temporary, http, "}", ""],
    ];
    await writeFile(join(folder, "nginx.conf"), configuration.join("\n"));
    const args = ["-p", folder, "-e", "error.log", "-c", "nginx.conf"];
    const child = spawn(nginxBin!, args, { stdio: ["ignore", "ignore", "pipe"] });
    let complaints = "";
    child.stderr.on("data", (piece) => {
      complaints += piece;
    });
    const deadline = Date.now() + START_LIMIT_MS;
    while (!(await listens(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`nginx did not start: ${complaints}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return new NginxServer(child, folder);
  }

  /** What it has logged: requests and errors. */
  async logs(): Promise<string> {
    const read = (name: string) => readFile(join(this.#folder, name), "utf8").catch(() => "");
    return (await read("error.log")) + (await read("access.log"));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await gone;
  }
}
