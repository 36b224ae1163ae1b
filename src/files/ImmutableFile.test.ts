import { beforeEach, describe, expect, it } from "vitest";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";

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
