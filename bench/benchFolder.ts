import { cp, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./Bench.ts";

/** A copy of the bench's page and worker, for a web server, to which files may be added. */
export async function benchFolder({ folder }: Bench): Promise<string> {
  const copy = await mkdtemp(join(folder, "web-"));
  await cp(fileURLToPath(new URL("../bench-web", import.meta.url)), copy, { recursive: true });
  return copy;
}
