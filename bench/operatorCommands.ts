import { runGridfetch } from "../src/node/testing/runGridfetch.ts";

/** Runs the `gridfetch` command and gives what it prints. @throws Error with what it complains of */
export async function gridfetch(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runGridfetch(args);
  if (status !== 0) throw new Error(`gridfetch ${args[0]}: ${stderr}`);
  return stdout.toString();
}

/** The text of a `grid.json` for one way to the servers. */
export function gridConfig(serversFile: string, way: "relay" | "proxy", url: string): Promise<string> {
  return gridfetch("grid-config", "--servers", serversFile, `--${way}`, url);
}
