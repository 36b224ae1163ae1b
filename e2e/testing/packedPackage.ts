import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const checkout = fileURLToPath(new URL("../../", import.meta.url));

/** Packs the built checkout as npm would publish it, and gives the tarball's path. */
export async function packPackage(folder: string): Promise<string> {
  if (!existsSync(join(checkout, "dist/lib/client/index.js")))
    throw new Error("Build the package first: npm run build");
  await inFolder(checkout, "npm run build:types --silent");
  const packed = await inFolder(checkout, `npm pack --ignore-scripts --silent --pack-destination ${folder}`);
  return join(folder, packed.trim().split("\n").at(-1) ?? "");
}

/** An app in a folder of its own: so many files, and packages from npm. */
export async function makeApp(
  folder: string,
  packages: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFiles(folder, { "package.json": JSON.stringify({ private: true, type: "module" }), ...files });
  await inFolder(folder, `npm install --prefer-offline --no-audit --no-fund --silent ${packages.join(" ")}`);
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Runs a line of a shell, as a reader of the README would, and gives what it wrote. */
export async function inFolder(folder: string, line: string): Promise<string> {
  const { stdout } = await run("sh", ["-c", line], { cwd: folder, maxBuffer: 64 << 20, timeout: 170_000 });
  return stdout;
}
