import { spawn } from "node:child_process";
import { checkout } from "./checkout.mjs";

/**
 * Runs a command in the checkout and shows its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, minutes?: number }} [options] `minutes`: when to kill it, with its children
 * @returns {Promise<{ ok: boolean, reason: string }>} `reason`: how it ended, in words
 */
export function runCommand(command, args, { env = {}, minutes = 30 } = {}) {
  return new Promise((resolve) => {
    const windows = process.platform === "win32";
    const child = spawn(command, args, {
      cwd: checkout,
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "inherit"],
      shell: windows && /\.cmd$/.test(command),
      // A group of its own, so that a late command goes with all that it started.
      detached: !windows,
    });
    let late = false;
    /** @param {NodeJS.Signals} signal */
    const kill = (signal) => {
      if (child.pid === undefined) return;
      try {
        process.kill(windows ? child.pid : -child.pid, signal);
      } catch {
        // It has just ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      kill("SIGKILL");
    }, minutes * 60_000);
    // Being in a group of its own, the child does not hear the terminal's Ctrl-C.
    /** @param {NodeJS.Signals} signal */
    const interrupted = (signal) => {
      kill(signal);
      process.exit(130);
    };
    process.once("SIGINT", interrupted);
    process.once("SIGTERM", interrupted);
    /** @param {boolean} ok @param {string} reason */
    const settle = (ok, reason) => {
      clearTimeout(timer);
      process.off("SIGINT", interrupted);
      process.off("SIGTERM", interrupted);
      resolve({ ok, reason });
    };
    child.once("error", (error) => settle(false, error.message));
    child.once("exit", (code, signal) => {
      if (late) settle(false, `took longer than ${minutes} minutes`);
      else settle(code === 0, signal ? `was ended by ${signal}` : `exit status ${code}`);
    });
  });
}
