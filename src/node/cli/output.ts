import { once } from "node:events";
import { type Output, openReplacement } from "../disk/replaceFile.ts";
import type { Terminal } from "./Terminal.ts";

/** A file, or stdout where no path is given. */
export async function openOutput(path: string | undefined, terminal: Terminal): Promise<Output> {
  return path === undefined ? stdoutOutput(terminal) : openReplacement(path);
}

function stdoutOutput({ stdout, signal }: Terminal): Output {
  // With a listener it rejects the next write, and without one it would end the process.
  let failure: Error | undefined;
  stdout.on("error", (error: Error) => {
    failure = error;
  });
  const check = () => {
    if (failure !== undefined) throw failure;
  };
  return {
    async write(bytes) {
      check();
      if (!stdout.write(bytes)) await once(stdout, "drain", { signal });
      check();
    },
    async finish() {
      // The callback comes when what was written before has gone out.
      await new Promise<void>((resolve, reject) => stdout.write("", (error) => (error ? reject(error) : resolve())));
      check();
    },
    async discard() {},
  };
}
