import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoGrid } from "./demoGrid.ts";
import { fattenFilm } from "./fattenFilm.ts";

const sample = fileURLToPath(new URL("../../src/node/demo/samples/gridfetch-sample.mp4", import.meta.url));

/**
 * Puts the sample film onto the grid as a file of this size, and gives its cap. It has no more shares than it takes to read it, so that this
 * writes a third of what ten of them are.
 */
export async function putFatFilm({ folder, put }: DemoGrid, size: number): Promise<string> {
  const path = join(folder, `fat-${size}.mp4`);
  await writeFile(path, fattenFilm(new Uint8Array(await readFile(sample)), size));
  return put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 2 ** 20 } });
}
