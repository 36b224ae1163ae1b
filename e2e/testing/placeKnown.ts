import { formatCap } from "../../src/formats/formatCap.ts";
import type { DemoGrid } from "./demoGrid.ts";

/** Puts a file onto the grid whose plaintext is known without having it: the key stream of its key. */
export async function placeKnown(demo: DemoGrid, size: number, seed: number): Promise<{ key: number[]; cap: string }> {
  const cap = await demo.placeLarge(size, seed);
  return { key: [...cap.key], cap: formatCap(cap) };
}
