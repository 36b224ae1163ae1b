import { expect, it } from "vitest";
import { EventLog } from "../base/EventLog.ts";
import { encodeShares } from "../files/testing/encodeShares.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { F1 } from "../files/testing/scenario.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { ServerTimings } from "./ServerTimings.ts";

it("BB-05 an answer's steps and counts are those of its own work, on a grid of ten servers at 50 ms", async () => {
  installSynchronousCrypto();
  const file = await encodeShares(patternBytes(3_000), F1);
  const grid = new SimulatedGrid(10, { segmentSizeGuesses: [120] });
  for (const { behaviour } of grid.servers) behaviour.latency = 50;
  const node = grid.hold(file);
  const timings = new ServerTimings(grid.log, grid.clock);
  const read = async (offset: number) => {
    const asker = grid.log.scope("answer");
    const end = timings.begin(asker.id);
    const reader = node.read({ offset, length: 10, asker }).getReader();
    await grid.clock.runUntil(reader.read());
    await reader.cancel();
    return end();
  };
  const cold = await read(0);
  expect(cold).toMatch(
    /^open;dur=0\.0, find;dur=50\.0, proof;dur=50\.\d, segment;dur=0\.0, total;dur=100\.\d, queries;desc="\d+", requests;desc="\d+"$/,
  );
  // What is known by then is not asked for again.
  expect(await read(0)).toMatch(/^open;dur=0\.0, find;dur=0\.0, segment;dur=50\.0, .*queries;desc="0"/);
});

it("BB-05 what has ended leaves nothing behind, and others' work is not counted", () => {
  const clock = new VirtualClock();
  const log = new EventLog(clock);
  const timings = new ServerTimings(log, clock);
  const [one, other] = [log.scope("answer"), log.scope("answer")];
  const ends = [timings.begin(one.id), timings.begin(other.id)];
  const node = log.scope("node");
  const read = node.child("read");
  read.log("info", "start", () => ({ offset: 0, length: 1, asker: one.id }));
  read.child("segment").child("share").child("request").log("debug", "start");
  const segment = read.child("segment");
  segment.log("debug", "start");
  segment.child("request").log("debug", "start");
  expect(ends.map((end) => end())).toEqual([
    'open;dur=0.0, total;dur=0.0, queries;desc="0", requests;desc="1"',
    'total;dur=0.0, queries;desc="0", requests;desc="0"',
  ]);
  segment.child("request").log("debug", "start");
  expect(ends[0]?.()).toContain('requests;desc="1"');
});
