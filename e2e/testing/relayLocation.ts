import { readFile } from "node:fs/promises";

/** What docs/operators.md says to write for nginx before a relay. */
export async function relayLocation(port: number): Promise<string> {
  const text = await readFile(new URL("../../docs/operators.md", import.meta.url), "utf8");
  const [, location = ""] = /```nginx\n(location \/relay\/ [\s\S]*?)```/.exec(text) ?? [];
  if (location === "") throw new Error("docs/operators.md has no location for the relay");
  return location.replace("127.0.0.1:8411", `127.0.0.1:${port}`);
}
