import { Command, CommanderError, InvalidArgumentError } from "commander";
import { isGridError, type ServerOutcome } from "../../base/GridError.ts";
import { defaultEncoding } from "../encode/uploadFile.ts";
import { type GetOptions, getCommand } from "./getCommand.ts";
import { type GridOptions, gridCommand } from "./gridCommand.ts";
import { type PutOptions, putCommand } from "./putCommand.ts";
import { Interrupted, type Terminal, tell } from "./Terminal.ts";

const FAILED = 1;
const MISUSED = 2;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/**
 * Runs `gridfetch` with these arguments (those after the program's name).
 * @returns the exit status: 0, or 1 after a line that says what failed, 2 for wrong usage, 130 if it was stopped
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await commandLine(terminal).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (terminal.signal.aborted) {
      tell(terminal, new Interrupted().message);
      return INTERRUPTED;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
    tell(terminal, reasonOf(error));
    return FAILED;
  }
}

function commandLine(terminal: Terminal): Command {
  const program = new Command("gridfetch")
    .description("Reads and writes files on a Tahoe-LAFS grid, and runs a grid for development.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      // A cap in the place of a command is quoted, and a log of this may be kept.
      writeErr: (text) => terminal.stderr.write(text.replace(/URI:[^\s']*/g, "URI:…")),
    });

  program
    .command("put")
    .description("put a file onto the grid and print its cap")
    .argument("<file>")
    .option("--servers <file>", "a static server list, YAML or JSON, as in a node's private/servers.yaml")
    .option("--k <number>", "so many shares are needed to read the file", integer, defaultEncoding.needed)
    .option("--n <number>", "so many shares are made", integer, defaultEncoding.total)
    .option(
      "--segment-size <bytes>",
      "at most so many bytes are encoded together",
      integer,
      defaultEncoding.maxSegmentSize,
    )
    .option(
      "--convergence <secret>",
      "base32; with the same secret, the same file has the same cap. Others see it in the process list",
    )
    .option("--convergence-file <file>", "where the secret is, for instance a node's private/convergence")
    .action((file: string, options: PutOptions) => putCommand(file, options, terminal));

  program
    .command("get")
    .description("read a file from the grid")
    .argument("<cap>", "URI:CHK:… or URI:LIT:…; - reads it from stdin, so that it is in no process list")
    .option("--servers <file>", "a static server list, YAML or JSON, as in a node's private/servers.yaml")
    .option("-o, --output <file>", "where to; stdout unless given")
    .option("--range <a-b>", "bytes a to b only, both included, counted from 0; b may be left out")
    .action((cap: string, options: GetOptions) => getCommand(cap, options, terminal));

  program
    .command("grid")
    .description("run a grid of storage servers on this machine, for development, until it is stopped")
    .option("--folder <folder>", "where shares, ports and identities are kept", ".gridfetch/grid")
    .option("--count <number>", "how many servers", integer, 10)
    .option("--https", "TLS and secrets, as real servers have them: not for browsers")
    .option("--dial <server:dials>", "how a server misbehaves; may be given several times", collect, [])
    .addHelpText("after", DIAL_HELP)
    .action((options: GridOptions) => gridCommand(options, terminal));

  return program;
}

const DIAL_HELP = `
Dials, as in --dial 3:latency=200,bandwidth=100000 --dial 7:corrupt --dial all:latency=20
  latency=<ms>          before each answer
  bandwidth=<bytes/s>   of all the server's answers together
  down                  connections are destroyed
  hang                  requests are taken and never answered
  corrupt[=data|all]    served shares have wrong bits, in their blocks or everywhere
  short                 reads of a share end early
  error=<status>        each request is answered with this HTTP status
While the grid runs: GET /servers, PATCH or PUT /servers/<n> with {"latency": 200}, POST /reset at the address of the dials.`;

function integer(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is not a number.");
}

function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

/** One line, for people. */
function reasonOf(error: unknown): string {
  if (isGridError(error, "NOT_ENOUGH_SHARES")) return `${error.message}${examples(error.details.servers)}`;
  if (isGridError(error)) return error.message;
  if (!(error instanceof Error)) return `gridfetch failed: ${error}`;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === "EPIPE") return "The output was closed before all was written.";
  if (code !== undefined && path !== undefined) return `${path}: ${code}`;
  return message.split("\n")[0] ?? "gridfetch failed";
}

/** What became of the first few servers: the same thing, mostly, for all. */
function examples(servers: readonly ServerOutcome[]): string {
  const most = 3;
  const told = servers.slice(0, most).map(({ server, outcome }) => `${server}: ${outcome}`);
  if (servers.length > most) told.push(`and ${servers.length - most} more`);
  return told.length === 0 ? "" : ` (${told.join("; ")})`;
}
