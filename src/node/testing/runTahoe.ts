import { spawn } from "node:child_process";
import { join } from "node:path";

const RUN_LIMIT_MS = 120_000;

/**
 * Runs one `tahoe` command to its end and gives what it printed.
 * @param bin the folder that holds the `tahoe` command
 * @param input for its standard input
 * @throws Error with what it said on standard error if its exit status is not 0, or if it takes over two minutes
 */
export async function runTahoe(bin: string, args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  const child = spawn(join(bin, "tahoe"), args, { stdio: ["pipe", "pipe", "pipe"], timeout: RUN_LIMIT_MS });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
  // A command that fails early closes its input; its exit status is what counts.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`tahoe ${args[0]} ended with status ${status}: ${Buffer.concat(complaints)}`);
  return Buffer.concat(output);
}
