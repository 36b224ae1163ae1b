import { beforeEach, describe, expect, it, vi } from "vitest";
import { encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { synchronousCrypto } from "./testing/synchronousCrypto.ts";

beforeEach(() => installSynchronousCrypto());

const F1 = { needed: 3, total: 10, maxSegmentSize: 120 } as const;

describe("reading", () => {
  it("reads a whole file and leaves nothing under way", async () => {
    const grid = new SimulatedGrid(10);
    const file = await grid.put(patternBytes(310), F1);
    const bytes = await grid.clock.runUntil(collect(file.node.read()));
    expect(bytes).toEqual(Buffer.from(file.plaintext));
    expect(grid.inFlight).toBe(0);
    expect(grid.clock.pendingTimers).toBe(0);
  });

  it("needs two round trips for a first byte and one for a seek, whichever segment size is in use", async () => {
    for (const maxSegmentSize of [131072, 1048576]) {
      const grid = new SimulatedGrid(10);
      for (const { behaviour } of grid.servers) {
        behaviour.latency = 100;
        behaviour.bandwidth = 1e9;
      }
      const file = await grid.put(patternBytes(4_000_000), { needed: 3, total: 10, maxSegmentSize });
      const first = file.node.read({ offset: 2_500_000 }).getReader();
      await grid.clock.runUntil(first.read());
      expect(grid.clock.now()).toBeLessThan(201);
      await first.cancel();
      const before = grid.clock.now();
      const second = file.node.read({ offset: 1_500_000 }).getReader();
      await grid.clock.runUntil(second.read());
      expect(grid.clock.now() - before).toBeLessThan(101);
      await second.cancel();
      await grid.clock.run(1);
      expect(grid.inFlight).toBe(0);
      expect(grid.clock.pendingTimers).toBe(0);
    }
  });
});

describe("a read that is stopped while its key is still being made", () => {
  for (const how of ["by its signal", "by its stream"]) {
    it(`${how}: fetches no segment, and is over when the key is there`, async () => {
      const file = await encodeShares(patternBytes(50_000), { needed: 2, total: 3, maxSegmentSize: 1_000 });
      let ready = () => {};
      const wait = new Promise<void>((resolve) => {
        ready = resolve;
      });
      vi.spyOn(crypto.subtle, "importKey").mockImplementation((async (
        ...key: Parameters<typeof synchronousCrypto.importKey>
      ) => {
        await wait;
        return synchronousCrypto.importKey(...key);
      }) as SubtleCrypto["importKey"]);
      const grid = new SimulatedGrid(3, { smallShareBytes: 0, gapBytes: 0 });
      const events: string[] = [];
      grid.log.listen(({ kind }) => events.push(kind));
      const node = grid.hold(file);
      const handle = new AbortController();
      const reader = node.read({ offset: 20_000, signal: handle.signal }).getReader();
      const first = reader.read().catch(() => undefined);
      await grid.clock.run(1_000);
      expect(events).toContain("opening.done");
      const { bytes } = grid.requests;
      if (how === "by its signal") handle.abort();
      else void reader.cancel();
      await first;
      ready();
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
      await grid.clock.run(1_000);
      expect(events).not.toContain("segment.start");
      expect(grid.requests.bytes).toBe(bytes);
      expect(events.filter((kind) => kind === "read.end")).toHaveLength(1);
      expect([grid.inFlight, grid.pendingTimers]).toEqual([0, 0]);
    });
  }
});
