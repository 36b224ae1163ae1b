import type { ClientWindow } from "./clientApp.ts";

declare const window: ClientWindow & typeof globalThis;

/**
 * Reads ranges of a file that `placeKnown` has put there, two at a time, each as `[offset, length]`. For `evaluate` in a client's tab.
 * @returns what was wrong
 */
export async function readAndCompare(key: number[], cap: string, ranges: [number, number][]): Promise<string[]> {
  const file = await window.grid.open(cap);
  const aes = await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-CTR", false, ["encrypt"]);
  const wrong: string[] = [];
  const readNext = async (): Promise<void> => {
    for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
      const [offset, length] = range;
      const counter = new Uint8Array(16);
      new DataView(counter.buffer).setUint32(12, Math.floor(offset / 16));
      const stream = await crypto.subtle.encrypt(
        { name: "AES-CTR", counter, length: 64 },
        aes,
        new Uint8Array((offset % 16) + length),
      );
      const expected = new Uint8Array(stream).subarray(offset % 16).subarray(0, Math.max(0, file.size - offset));
      const bytes = await file.bytes({ offset, length }).catch((error: unknown) => String(error));
      if (typeof bytes === "string") wrong.push(`${offset}+${length}: ${bytes}`);
      else if (indexedDB.cmp(bytes, expected) !== 0) wrong.push(`${offset}+${length}: ${bytes.length} other bytes`);
    }
  };
  await Promise.all([readNext(), readNext()]);
  return wrong;
}
