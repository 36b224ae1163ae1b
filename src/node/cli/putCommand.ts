import { readFile, stat } from "node:fs/promises";
import { utf8 } from "../../base/bytes.ts";
import { GridError } from "../../base/GridError.ts";
import { decodeBase32 } from "../../formats/base32.ts";
import { UploadServer } from "../encode/UploadServer.ts";
import { uploadFile } from "../encode/uploadFile.ts";
import { connectGrid } from "./connectGrid.ts";
import { openOutput } from "./output.ts";
import { progressBar } from "./progressBar.ts";
import { type Terminal, tell } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

export interface PutOptions {
  readonly servers?: string;
  readonly k: number;
  readonly n: number;
  readonly segmentSize: number;
  readonly convergence?: string;
  readonly convergenceFile?: string;
}

/** Puts a file onto the grid and prints its cap. */
export async function putCommand(path: string, options: PutOptions, terminal: Terminal): Promise<void> {
  if (options.k > options.n) throw new UsageError(`k must be 1 to N=${options.n}, not ${options.k}`);
  const convergence = await readConvergence(options);
  const servers = await connectGrid(options.servers, terminal);
  const progress = progressBar(terminal, false);
  try {
    const result = await uploadFile({
      path,
      servers: servers.map(({ server, transport, swissnum }) => new UploadServer(server, transport, swissnum)),
      encoding: { needed: options.k, total: options.n, maxSegmentSize: options.segmentSize },
      convergence,
      progress: ({ phase, done, total }) => progress.show(phase === "key" ? "Reading  " : "Uploading", done, total),
      signal: terminal.signal,
    });
    progress.stop();
    const output = await openOutput(undefined, terminal);
    await output.write(utf8(`${result.cap}\n`));
    await output.finish();
    tell(terminal, result.shares === 0 ? "The file is in its cap." : placeText(result.shares, result.servers));
  } finally {
    progress.stop();
  }
}

function placeText(shares: number, servers: number): string {
  return `${shares} ${shares === 1 ? "share is" : "shares are"} on ${servers} ${servers === 1 ? "server" : "servers"}.`;
}

/** The secret, in base32 as Tahoe-LAFS keeps it in `private/convergence`. */
async function readConvergence({ convergence, convergenceFile }: PutOptions): Promise<Uint8Array | undefined> {
  if (convergence !== undefined && convergenceFile !== undefined) {
    throw new UsageError("--convergence and --convergence-file cannot both be given");
  }
  const text = convergenceFile === undefined ? convergence : await readSecretFile(convergenceFile);
  if (text === undefined) return undefined;
  try {
    return decodeBase32(text.trim());
  } catch {
    throw badConvergence("it is not lower-case base32, as in a node's private/convergence");
  }
}

async function readSecretFile(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > 1024) throw badConvergence(`${path} is too long to be a convergence secret`);
  return readFile(path, "utf8");
}

function badConvergence(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The convergence secret cannot be used: ${reason}.`);
}
