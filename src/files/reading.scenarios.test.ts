import { beforeEach, expect, it } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import type { ServerList } from "../servers/ServerList.ts";
import { createFileNodes } from "./createFileNodes.ts";
import type { FileNode } from "./FileNode.ts";
import { encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, F1, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);

async function f1(): Promise<{ grid: SimulatedGrid; node: FileNode }> {
  const grid = new SimulatedGrid(10);
  const { node } = await grid.put(plaintext, F1);
  return { grid, node };
}

it("S11 A-01 whole file: one piece a segment, in order, and nothing under way afterwards", async () => {
  const { grid, node } = await f1();
  const { bytes, pieces, error } = await outcomeOf(grid, node);
  expect(error).toBeUndefined();
  expect(bytes).toEqual(Buffer.from(plaintext));
  expect(pieces).toEqual([120, 120, 70]);
  expect(grid.inFlight).toBe(0);
  expect(grid.pendingTimers).toBe(0);
});

it.each([
  ["A-02 zero-size read", { offset: 0, length: 0 }],
  ["A-02 zero-size read inside", { offset: 1, length: 0 }],
  ["A-03 read at the end", { offset: 310 }],
  ["A-03 read at the end with a length", { offset: 310, length: 5 }],
  ["A-04 read just behind the end", { offset: 311 }],
  ["A-04 read far behind the end", { offset: 10 ** 12, length: 1 }],
])("%s: empty, and no server is asked", async (_name, options) => {
  const { grid, node } = await f1();
  expect(await outcomeOf(grid, node, options)).toMatchObject({ pieces: [], error: undefined });
  expect(grid.requests).toEqual({ lists: 0, reads: 0, bytes: 0 });
});

it.each([
  ["A-05 overrun", { offset: 305, length: 100 }, 305, 310],
  ["A-05 overrun of the whole", { offset: 0, length: 10 ** 12 }, 0, 310],
  ["A-05 overrun up to the last number there is", { offset: 1, length: Number.MAX_SAFE_INTEGER }, 1, 310],
  ["A-06 open-ended", { offset: 5 }, 5, 310],
])("%s is clipped to the file", async (_name, options, from, to) => {
  const { grid, node } = await f1();
  expect(await bytesOf(grid, node, options)).toEqual(Buffer.from(plaintext.subarray(from, to)));
});

it("A-07 boundary sweep: one or two bytes on either side of each segment boundary", async () => {
  for (const maxSegmentSize of [60, 120]) {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize });
    const ranges: [offset: number, length: number][] = [[309, 1]];
    for (let boundary = 0; boundary < 310; boundary += maxSegmentSize) {
      for (const offset of [-2, -1, 0, 1, 2].map((delta) => boundary + delta).filter((at) => at >= 0)) {
        ranges.push([offset, 1], [offset, 2], [offset, maxSegmentSize]);
      }
    }
    for (const [offset, length] of ranges) {
      const bytes = await bytesOf(grid, node, { offset, length });
      expect(bytes, `${offset}, ${length}`).toEqual(Buffer.from(plaintext.subarray(offset, offset + length)));
    }
  }
});

it.each([1, 7, 10, 119, 120, 121])("A-08 tiny-read reassembly in steps of %i", async (step) => {
  const { grid, node } = await f1();
  const parts: Buffer[] = [];
  for (let offset = 0; offset < 310; offset += step) parts.push(await bytesOf(grid, node, { offset, length: step }));
  expect(Buffer.concat(parts)).toEqual(Buffer.from(plaintext));
});

it.each([
  { offset: -1, length: 5 },
  { offset: 5, length: -1 },
  { offset: 0.5 },
  { offset: Number.NaN },
  { offset: 2 ** 53 },
  { length: 2 ** 53 },
])("A-09 impossible range %j is refused at once, before any request", async (options) => {
  const { grid, node } = await f1();
  expect(() => node.read(options)).toThrow(expect.objectContaining({ code: "BAD_RANGE" }));
  const literal = grid.nodes.open(parseCap("URI:LIT:nbswy3dpfqqgo4tjmq"));
  expect(() => literal.read(options)).toThrow(expect.objectContaining({ code: "BAD_RANGE" }));
  await grid.clock.run(1000);
  expect(grid.requests.lists).toBe(0);
});

it("A-10 lazy node: a thousand nodes cost nothing and look at no server list until the first read", async () => {
  const asked: string[] = [];
  const servers: ServerList = {
    revision: 0,
    known: () => [],
    inOrderFor: () => {
      asked.push("inOrderFor");
      return [];
    },
  };
  const { cap } = await encodeShares(plaintext, F1);
  const nodes = createFileNodes({ servers });
  const opened = Array.from({ length: 1000 }, (_, i) => nodes.open({ ...cap, size: 310 + i }));
  for (const node of opened) node.read();
  expect(asked).toEqual([]);
  await expect(opened[0]?.read().getReader().read()).rejects.toSatisfy((error) => {
    return isGridError(error, "NOT_ENOUGH_SHARES");
  });
  expect(asked).toEqual(["inOrderFor"]);
});

it("A-11 E-13 sequential reuse: a second read asks for blocks alone", async () => {
  const { grid, node } = await f1();
  await bytesOf(grid, node);
  const before = grid.requests;
  for (const server of grid.servers) server.reads.length = 0;
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
  expect(grid.requests.lists).toBe(before.lists);
  const reads = grid.servers.flatMap((server) => server.reads);
  expect(reads.length).toBeGreaterThanOrEqual(3);
  for (const { offset, length } of reads) {
    expect(offset).toBeGreaterThanOrEqual(36);
    expect(offset + length).toBeLessThanOrEqual(36 + 104);
  }
});

it("S11 A-12 no file pointer: reads at unrelated offsets are independent, also at once", async () => {
  const { grid, node } = await f1();
  expect(await bytesOf(grid, node, { offset: 300 })).toEqual(Buffer.from(plaintext.subarray(300)));
  expect(await bytesOf(grid, node, { offset: 10, length: 5 })).toEqual(Buffer.from(plaintext.subarray(10, 15)));
  const [late, early] = [node.read({ offset: 250 }).getReader(), node.read().getReader()];
  const both = await grid.clock.runUntil(Promise.all([late.read(), early.read()]));
  expect(both[0].value).toEqual(plaintext.subarray(250));
  expect(both[1].value).toEqual(plaintext.subarray(0, 120));
  await Promise.all([late.cancel(), early.cancel()]);
});

it("S11 A-16 only read() exists", async () => {
  const { grid, node } = await f1();
  const literal = grid.nodes.open(parseCap("URI:LIT:nbswy3dpfqqgo4tjmq"));
  for (const file of [node, literal]) {
    expect(Object.getOwnPropertyNames(Object.getPrototypeOf(file))).toEqual(["constructor", "read"]);
    expect(Object.keys(file)).toEqual(["size"]);
  }
});

it("A-18 literal cap: its own bytes, its own size, no network", async () => {
  const grid = new SimulatedGrid(1);
  const node = grid.nodes.open(parseCap("URI:LIT:nbswy3dpfqqgo4tjmq"));
  expect(node.size).toBe(11);
  expect((await bytesOf(grid, node)).toString()).toBe("hello, grid");
  expect((await bytesOf(grid, node, { offset: 1, length: 5 })).toString()).toBe("ello,");
  expect(await bytesOf(grid, node, { offset: 11 })).toHaveLength(0);
  const empty = grid.nodes.open(parseCap("URI:LIT:"));
  expect(empty.size).toBe(0);
  expect(await bytesOf(grid, empty)).toHaveLength(0);
  expect(grid.requests.lists).toBe(0);
});

it("A-17 verify cap: opened as a file it is refused, since only ciphertext could come of it", async () => {
  const { grid } = await f1();
  const { cap } = await encodeShares(plaintext, F1);
  const verify = parseCap(formatCap({ ...cap, kind: "CHK-Verifier" }));
  expect(verify.kind).toBe("CHK-Verifier");
  expect(() => grid.nodes.open(verify)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_CAP" }));
});
