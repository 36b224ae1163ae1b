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
  terminal.stderr.write(`${forLog(line)}\n`);
}

/**
 * A text as it may stand in a terminal and in a log. A cap or a NURL in the place of another argument, a file's name say, comes back
 * in messages about that, and a log may be kept.
 */
export function forLog(text: string): string {
  return visibleLines(text.replace(CAP, "URI:…").replace(NURL, "pb://…"));
}

const CAP = /URI(?::|%3A)[\w-]+(?::|%3A)[^\s'"]*/gi;
/** A FURL, too: both have a server's secret at their end. */
const NURL = /pb(?:\+\w+)?:\/\/[\w-]{32,}@[^\s'"]*/gi;

/** A result that is text, whole lines of it. */
export function print(terminal: Terminal, text: string): void {
  terminal.stdout.write(visibleLines(text));
}

/** What the owner of a server list should know. */
export function tellList(terminal: Terminal, { unusable, doubts }: Pick<UsableServers, "unusable" | "doubts">): void {
  for (const { name, reason } of unusable) tell(terminal, `Server ${name} is left out: ${reason}.`);
  for (const { name, reason } of doubts) tell(terminal, `Server ${name}: ${reason}.`);
}
