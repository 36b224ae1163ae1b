import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// What is true of the sources and may be otherwise in what is built of them.

const gridfetch = fileURLToPath(new URL("../dist/node/gridfetch.js", import.meta.url));

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => execFile(process.execPath, [gridfetch, ...args], (_, stdout) => resolve(stdout)));
}

it("the built gridfetch finds its TLS module, without which it reaches no server through a relay", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gridfetch-built-"));
  const server = {
    id: "one",
    "permutation-seed-base32": "aaaa",
    swissnum: "secret",
    addresses: [
      { nurl: "pb://PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0@127.0.0.1:1/#v=1", relay: "ws://127.0.0.1:1/" },
    ],
  };
  await writeFile(join(folder, "grid.json"), JSON.stringify({ servers: [server] }));
  try {
    const { grids } = JSON.parse(await run(["check", "--json", "--config", join(folder, "grid.json")]));
    expect(grids[0].servers[0].addresses[0].finding.problem).toBe("relay-unreachable");
  } finally {
    await rm(folder, { recursive: true });
  }
});
