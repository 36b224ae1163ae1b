import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Delay } from "./DelayingProxy.ts";

/**
 * Delaying proxies in a process of their own: in the bench's they would share a thread with our reader, but not with the gateway
 * that it is compared with.
 */
export class DelayingProxies {
  /** Where they listen on loopback, in the order of the ports that they stand for. */
  readonly ports: readonly number[];
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, ports: readonly number[]) {
    this.#process = process;
    this.ports = ports;
  }

  /**
   * @param ports on loopback, where connections go
   * @param delay as `DelayingProxy` has it
   */
  static async start(ports: readonly number[], delay: Delay): Promise<DelayingProxies> {
    const program = fileURLToPath(new URL("proxies.js", import.meta.url));
    const child = fork(program, [JSON.stringify(delay), ...ports.map(String)]);
    const failed = once(child, "exit").then(() => {
      throw new Error("the delaying proxies did not start");
    });
    failed.catch(() => undefined);
    const [near] = await Promise.race([once(child, "message"), failed]);
    return new DelayingProxies(child, near as number[]);
  }

  /** As `DelayingProxy` has it, of all. */
  standStill(ms: number): void {
    this.#process.send(ms);
  }

  async close(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.disconnect();
    await ended;
  }
}
