import { setMaxListeners } from "node:events";
import { Command, CommanderError } from "commander";
import { isGridError, type ServerOutcome } from "../../base/GridError.ts";
import { MAX_SEGMENT_SIZE } from "../../formats/Ueb.ts";
import { defaultEncoding } from "../encode/uploadFile.ts";
import { defaultRelayLimits } from "../relay/relayLimits.ts";
import { type CheckOptions, checkCommand } from "./checkCommand.ts";
import { type GetOptions, getCommand } from "./getCommand.ts";
import { type GridOptions, gridCommand } from "./gridCommand.ts";
import { type GridConfigOptions, gridConfigCommand } from "./gridConfigCommand.ts";
import { installCommand } from "./installCommand.ts";
import {
  dialOption,
  integer,
  listenOption,
  originOption,
  pathOption,
  rangeOption,
  sizeOption,
  textOption,
  urlOption,
} from "./optionParsers.ts";
import { packageVersion } from "./packageVersion.ts";
import { type ProxyConfigOptions, proxyConfigCommand } from "./proxyConfigCommand.ts";
import { type PutOptions, putCommand } from "./putCommand.ts";
import { type RelayOptions, relayCommand } from "./relayCommand.ts";
import { forLog, Interrupted, type Terminal, tell } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

const FAILED = 1;
const MISUSED = 2;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/**
 * Runs `gridfetch` with these arguments (those after the program's name).
 * @returns the exit status: 0, or 1 after a line that says what failed, 2 for wrong usage, 130 if it was stopped
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  // A command may ask a hundred servers at once, each of which listens for the user's stop: Node would warn of a leak.
  setMaxListeners(0, terminal.signal);
  try {
    await commandLine(terminal).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (terminal.signal.aborted) {
      tell(terminal, new Interrupted().message);
      return INTERRUPTED;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
    if (error instanceof UsageError) {
      tell(terminal, `error: ${error.message}`);
      return MISUSED;
    }
    tell(terminal, reasonOf(error));
    return FAILED;
  }
}

function commandLine(terminal: Terminal): Command {
  const program = new Command("gridfetch")
    .description(
      "Reads and writes files on a Tahoe-LAFS grid, opens a grid to web pages, and runs a grid for development.",
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(forLog(text)),
    });

  addFileCommands(program, terminal);
  addOperatorCommands(program, terminal);
  addGridCommand(program, terminal);
  addInstallCommand(program, terminal);
  return program;
}

/** For those who have a grid and files. */
function addFileCommands(program: Command, terminal: Terminal): void {
  program
    .command("put")
    .description("put a file onto the grid and print its cap")
    .argument("<file>")
    .option("--servers <file>", SERVERS)
    .option("--k <number>", "so many shares are needed to read the file", integer(1, 256), defaultEncoding.needed)
    .option("--n <number>", "so many shares are made", integer(1, 256), defaultEncoding.total)
    .option(
      "--segment-size <bytes>",
      "at most so many bytes are encoded together",
      integer(1, MAX_SEGMENT_SIZE),
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
    .argument("<cap>", "of a file: URI:CHK:…, URI:MDMF:…; - reads it from stdin, so that it is in no process list")
    .option("--servers <file>", SERVERS)
    .option("--config <file-or-url>", CONFIG)
    .option("--origin <origin>", ORIGIN, originOption)
    .option("-o, --output <file>", "where to; stdout unless given")
    .option("--range <a-b>", "bytes a to b only, both included, counted from 0; b may be left out", rangeOption)
    .option("--trace <file>", "write down what is done, a line of JSON for each event; no cap or key is in it")
    .action((cap: string, options: GetOptions) => getCommand(cap, options, terminal));
}

/** For those who run a grid. docs/operators.md says how they go together. */
function addOperatorCommands(program: Command, terminal: Terminal): void {
  program
    .command("check")
    .description("say which servers of a grid can be used, and why others cannot; exit status 0 if all can")
    .option("--servers <file>", SERVERS)
    .option("--config <file-or-url>", CONFIG)
    .option("--origin <origin>", ORIGIN, originOption)
    .option("--json", "the result for programs")
    .action((options: CheckOptions) => checkCommand(options, terminal));

  program
    .command("relay")
    .description("let pages reach the grid's servers over WebSockets, blindly, until it is stopped")
    .requiredOption("--servers <file>", SERVERS)
    .requiredOption(
      "--origin <origin>",
      "whose pages may use it, https://app.example; may be given several times",
      originOption,
    )
    .option("--host <address>", "where it listens; a proxy with a certificate belongs in front of it", "127.0.0.1")
    .option("--port <number>", "0 for any", integer(0, 65535), 8411)
    .option("--behind-proxy", "X-Forwarded-For says who is there: only where a proxy sets it")
    .option("--allow-private", "also to servers at loopback, link-local and private addresses")
    .option("--max-connections <number>", "in all", integer(1, 100_000), defaultRelayLimits.connections)
    .option(
      "--max-per-address <number>",
      "of one address, and never more than are left for others",
      integer(1, 100_000),
      defaultRelayLimits.connectionsPerAddress,
    )
    .option(
      "--max-streams <number>",
      "to servers, in all connections that carry several",
      integer(1, 1_000_000),
      defaultRelayLimits.streams,
    )
    .option(
      "--idle <seconds>",
      "connections on which nothing moves are closed",
      integer(1, 86_400),
      defaultRelayLimits.idle / 1000,
    )
    .option(
      "--metrics <address:port>",
      "where /metrics, for Prometheus, and /healthz are, 127.0.0.1:9100 say; nowhere unless given",
      listenOption,
    )
    .addHelpText("after", RELAY_HELP)
    .action((options: RelayOptions) => relayCommand(options, terminal));

  program
    .command("proxy-config")
    .description("make a configuration for nginx that lets pages read from the grid's servers over HTTPS")
    .requiredOption("--servers <file>", SERVERS)
    .requiredOption(
      "--origin <origin>",
      "whose pages may read, https://app.example; may be given several times",
      originOption,
    )
    .requiredOption("--folder <folder>", "where the configuration and the pinned certificates are written")
    .option(
      "--same-origin-path <path>",
      "on the app's own origin, under this path (/grid-servers/ unless given)",
      pathOption,
    )
    .option("--url <url>", "on an origin of its own instead, https://grid.example:8443/", urlOption("https:", "http:"))
    .option("--tls-certificate <file>", "what that origin shows to browsers")
    .option("--tls-key <file>", "its key")
    .option("--cache <size>", "keep so much of immutable shares for the next who asks, as in 10g or 500m", sizeOption)
    .action((options: ProxyConfigOptions) => proxyConfigCommand(options, terminal));

  program
    .command("grid-config")
    .description("make the document from which pages learn the grid's servers: grid.json")
    .option("--servers <file>", `${SERVERS}; may be given several times`, textOption, [])
    .option(
      "--node <folder>",
      "a Tahoe-LAFS node directory, of a server while it runs; may be given several times",
      textOption,
      [],
    )
    .option("--name <name>", "of the grid, where an app has several")
    .option("--proxy <url>", "the servers are behind this one, as proxy-config says it", urlOption("https:", "http:"))
    .option("--relay <url>", "the servers are reached through this one, wss://relay.example/", urlOption("wss:", "ws:"))
    .option("--without-secrets <file>", "leave the swissnums out of the document and write them into this file")
    .action((options: GridConfigOptions) => gridConfigCommand(options, terminal));
}

function addGridCommand(program: Command, terminal: Terminal): void {
  program
    .command("grid")
    .description("run a grid of storage servers on this machine, for development, until it is stopped")
    .option("--folder <folder>", "where shares, ports and identities are kept", ".gridfetch/grid")
    .option("--count <number>", "how many servers", integer(1, 100), 10)
    .option("--https", "TLS and secrets, as real servers have them: not for browsers")
    .option("--dial <server:dials>", "how a server misbehaves; may be given several times", dialOption, [])
    .addHelpText("after", DIAL_HELP)
    .action((options: GridOptions) => gridCommand(options, terminal));
}

function addInstallCommand(program: Command, terminal: Terminal): void {
  program
    .command("install")
    .description("copy the Service Worker into the folder that your web app serves at its root")
    .argument("<folder>", "public, say; after every update of gridfetch again")
    .action((folder: string) => installCommand(folder, terminal));
}

const SERVERS =
  "a server list: a node's private/servers.yaml or private/introducer_<name>_cache.yaml, Gridsync's settings, or NURLs, one a line; - reads stdin";
const CONFIG = "a grid configuration, as the app serves it: grid.json";
const ORIGIN = "of the app, https://app.example: relays want to know";

const RELAY_HELP = `
A server gets connections once it has proven, in a TLS handshake with the relay itself, to own the key that the list names.
SIGHUP has the list read again; nobody is cut off. GET /healthz is answered with 200.`;

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
