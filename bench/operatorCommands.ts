import { writeFile } from "node:fs/promises";
import { runGridfetch } from "../src/node/testing/runGridfetch.ts";

/** Runs the `gridfetch` command and gives what it prints. @throws Error with what it complains of */
export async function gridfetch(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runGridfetch(args);
  if (status !== 0) throw new Error(`gridfetch ${args[0]}: ${stderr}`);
  return stdout.toString();
}

/** Makes a `grid.json` for one way to the servers, and writes it to `path`, too. */
export async function gridConfig(
  serversFile: string,
  way: "relay" | "proxy",
  url: string,
  path: string,
): Promise<unknown> {
  const text = await gridfetch("grid-config", "--servers", serversFile, `--${way}`, url);
  await writeFile(path, text);
  return JSON.parse(text);
}
