import { join } from "node:path";
import { makeFile } from "../e2e/testing/makeFile.ts";
import type { TahoeGrid } from "../src/node/testing/TahoeGrid.ts";
import type { Bench } from "./Bench.ts";
import { upload } from "./BenchGrid.ts";

/** Puts files of noise onto a grid of real servers. @returns their caps. @param name tells them apart from others of that size */
export async function uploadNoise(
  bench: Bench,
  grid: TahoeGrid,
  name: string,
  count: number,
  size: number,
): Promise<string[]> {
  const caps: string[] = [];
  for (let n = 0; n < count; n++) {
    const path = join(bench.folder, `${name}-${n}.bin`);
    await makeFile(path, size);
    caps.push(await upload(path, grid.serversFile));
  }
  return caps;
}
