#!/usr/bin/env node
import { runCommandLine } from "./cli/runCommandLine.ts";
import { Interrupted } from "./cli/Terminal.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // Once: the second one ends the program at once, should something hang.
  process.once(name, () => stop.abort(new Interrupted()));
}
const { stdin, stdout, stderr } = process;
// A command that does not listen ends with its terminal, as programs do.
const onHangup = (listener: () => void) => void process.on("SIGHUP", listener);
process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  signal: stop.signal,
  onHangup,
});
