import type { Readable, Writable } from "node:stream";
import { visibleLines } from "../../base/visibleText.ts";
import type { UsableServers } from "../transport/usableServers.ts";

/** What a command has to do with the world besides files and the network. */
export interface Terminal {
  readonly stdin: Readable;
  /** Results alone: a cap, a file's bytes. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Is aborted when the user wants to stop. */
  readonly signal: AbortSignal;
  /** Has a listener called when the user wants what is read at the start to be read again (SIGHUP). */
  readonly onHangup?: (listener: () => void) => void;
}

/** The user has stopped the command. */
export class Interrupted extends Error {
  constructor() {
    super("Stopped.");
  }
}

/** A line for people. */
export function tell(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${visibleLines(line)}\n`);
}

/** A result that is text, whole lines of it. */
export function print(terminal: Terminal, text: string): void {
  terminal.stdout.write(visibleLines(text));
}

/** What the owner of a server list should know. */
export function tellList(terminal: Terminal, { unusable, doubts }: Pick<UsableServers, "unusable" | "doubts">): void {
  for (const { name, reason } of unusable) tell(terminal, `Server ${name} is left out: ${reason}.`);
  for (const { name, reason } of doubts) tell(terminal, `Server ${name}: ${reason}.`);
}
