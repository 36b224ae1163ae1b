import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCommandLine } from "./cli/runCommandLine.ts";
import { AppServer } from "./demo/AppServer.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "./grid/developmentGrid.ts";
import { runGridfetch } from "./testing/runGridfetch.ts";

let folder: string;
let grid: DevelopmentGrid;
let app: AppServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-readme-"));
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 10 });
  await writeFile(join(folder, "servers.yaml"), await readFile(grid.serversFile));
  const config: unknown = JSON.parse(await readFile(grid.configFile, "utf8"));
  app = await AppServer.start({ folder, port: 0, documents: { "/grid.json": config } });
});

afterAll(async () => {
  await Promise.all([app.close(), grid.close()]);
  await rm(folder, { recursive: true });
});

it("README.md: its commands work in the order in which they stand", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, block = ""] = /^```sh\n(npx gridfetch grid [\s\S]*?)^```$/m.exec(readme) ?? [];
  const film = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 253));
  const path = join(folder, "film.webm");
  await writeFile(path, film);

  let cap = "";
  for (const line of block.trim().split("\n")) {
    const [, , ...words] = line
      .replace(/ (?:#|\|).*$/, "")
      .trim()
      .split(/\s+/);
    const args = words
      .map((word) => word.replace("CAP", cap).replace("https://app.example", new URL(app.url).origin))
      .map((word) => (/^[\w-]+\.(?:yaml|webm)$/.test(word) ? join(folder, word) : word));
    if (args[0] === "grid") {
      await startAndStop([...args, "--folder", join(folder, "another"), "--count", "1"]);
      continue;
    }
    if (args[0] === "get") await writeFile(path, "");
    const { status, stdout } = await runGridfetch(args);
    expect([line, status]).toEqual([line, 0]);
    if (args[0] === "put") cap = stdout.toString().trim();
    if (args.includes("-o")) expect(film.equals(await readFile(path))).toBe(true);
    if (args.includes("--range")) expect(film.subarray(0, 1024).equals(stdout)).toBe(true);
    if (args[0] === "help")
      for (const name of ["relay", "proxy-config", "grid-config"]) expect(`${stdout}`).toContain(name);
  }
  expect(cap).toMatch(/^URI:CHK:/);
});

async function startAndStop(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const stdout = new PassThrough();
  stdout.on("data", (text: Buffer) => text.includes("Ctrl-C stops") && stop.abort());
  const terminal = { stdin: new PassThrough().end(), stdout, stderr: new PassThrough(), signal: stop.signal };
  expect(await runCommandLine(args, terminal)).toBe(0);
}
