import { PassThrough, Writable } from "node:stream";
import { runCommandLine } from "../cli/runCommandLine.ts";

/** What a command left behind. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `gridfetch` with these arguments, in this process, on a terminal of its own, with `stdin` as all of its input. */
export async function runGridfetch(args: readonly string[], stdin = ""): Promise<CommandResult> {
  const stdout = collector();
  const stderr = collector();
  const terminal = { stdin: new PassThrough().end(stdin), stdout, stderr, signal: new AbortController().signal };
  const status = await runCommandLine(args, terminal);
  return { status, stdout: Buffer.concat(stdout.pieces), stderr: Buffer.concat(stderr.pieces).toString() };
}

function collector(): Writable & { readonly pieces: Buffer[] } {
  const pieces: Buffer[] = [];
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      // A writer may use its buffer again once this is done.
      pieces.push(Buffer.from(piece));
      done();
    },
  });
  return Object.assign(stream, { pieces });
}
