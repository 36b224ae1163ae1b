import type { ByteRange } from "../../src/base/range.ts";
import { createFileNodes } from "../../src/files/createFileNodes.ts";
import type { ChkCap } from "../../src/formats/Cap.ts";
import type { ServerList } from "../../src/servers/ServerList.ts";

/** Reads a file that was not open before, and gives the seconds that it took. @throws Error if bytes are missing */
export async function readWhole(cap: ChkCap, servers: ServerList, range?: ByteRange): Promise<number> {
  // New memory for segments to seek back to would be paid for in every read here, and once in a worker.
  const node = createFileNodes({ servers, segmentCacheBytes: 0 }).open(cap);
  const began = performance.now();
  let bytes = 0;
  const reader = node.read(range).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
  }
  const seconds = (performance.now() - began) / 1000;
  const expected = range?.length ?? node.size;
  if (bytes !== expected) throw new Error(`${bytes} of ${expected} bytes came`);
  return seconds;
}
