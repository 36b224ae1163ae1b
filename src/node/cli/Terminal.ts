import type { Readable, Writable } from "node:stream";

/** What a command has to do with the world besides files and the network. */
export interface Terminal {
  readonly stdin: Readable;
  /** Results alone: a cap, a file's bytes. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Is aborted when the user wants to stop. */
  readonly signal: AbortSignal;
}

/** The user has stopped the command. */
export class Interrupted extends Error {
  constructor() {
    super("Stopped.");
  }
}

/** A line for people. */
export function tell(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`);
}
