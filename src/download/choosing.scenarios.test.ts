import { beforeEach, expect, it, vi } from "vitest";
import { zfecTypeScript } from "../erasure/zfecTypeScript.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { F1 } from "../files/testing/scenario.ts";
import { ChkDownload } from "./ChkDownload.ts";
import { contextFor } from "./testing/contextFor.ts";
import { RaceStage } from "./testing/RaceStage.ts";

beforeEach(() => installSynchronousCrypto());

const TEN = Array.from("ABCDEFGHIJ", (letter, number) => `${number}@${letter}`);
/** Longer than any share may take without being late. */
const LATE = 2000;

it("C-01 preference order: the servers that answer fastest", () => {
  const stage = new RaceStage(10);
  for (const [i, letter] of [..."ABCDEFGHIJ"].entries()) stage.latency(letter, 100 - 10 * i);
  stage.find(...TEN);
  void stage.race();
  expect(stage.started).toEqual(["9@J", "8@I", "7@H"]);
});

it("C-02 good diversity, early: the first three are started, and no more are asked for", () => {
  const stage = new RaceStage(10);
  stage.find(...TEN);
  void stage.race();
  expect(stage.started).toEqual(["0@A", "1@B", "2@C"]);
  expect(stage.hungry).toBe(0);
});

it("C-03 good diversity, late: more are asked for once, then the first three are started", () => {
  const stage = new RaceStage(10);
  void stage.race();
  expect(stage.hungry).toBe(1);
  expect(stage.started).toEqual([]);
  stage.find(...TEN);
  expect(stage.started).toEqual(["0@A", "1@B", "2@C"]);
  expect(stage.hungry).toBe(1);
});

it("C-04 avoid bad diversity: one share from each server, though one is fastest", () => {
  const stage = new RaceStage(3);
  stage.latency("A", 1);
  stage.latency("B", 10);
  stage.latency("C", 20);
  stage.find("0@A", "1@A", "2@A", "3@B", "4@C");
  void stage.race();
  expect(stage.started).toEqual(["0@A", "3@B", "4@C"]);
});

it("C-05 suffer bad diversity: three shares from the only server there is", () => {
  const stage = new RaceStage(1);
  stage.find("0@A", "1@A", "2@A", "3@A", "4@A");
  void stage.race();
  expect(stage.started).toEqual(["0@A", "1@A", "2@A"]);
});

it("C-05 a second share of one server waits while another server is about to answer", () => {
  const stage = new RaceStage(3);
  stage.isPromising = true;
  stage.find("0@A", "1@A", "2@A");
  void stage.race();
  expect(stage.started).toEqual(["0@A"]);
  stage.find("3@B");
  expect(stage.started).toEqual(["0@A", "3@B"]);
  stage.disappoint();
  expect(stage.started).toEqual(["0@A", "3@B", "1@A"]);
});

it("C-06 no redundancy: a share number is never read twice at once", async () => {
  const stage = new RaceStage(5);
  stage.find("0@A", "1@B", "0@C");
  const result = stage.race();
  expect(stage.started).toEqual(["0@A", "1@B"]);
  expect(stage.hungry).toBe(1);
  stage.find("1@D", "2@E");
  stage.exhaust();
  expect(stage.started).toEqual(["0@A", "1@B", "2@E"]);
  for (const place of stage.started) stage.job(place).complete();
  expect([...(await result).keys()].sort()).toEqual([0, 1, 2]);
});

it("C-07 overdue replaced: three more are started, the first three that complete do, the rest is stopped", async () => {
  const stage = new RaceStage(10);
  stage.find(...TEN);
  const result = stage.race();
  await stage.grid.clock.run(LATE);
  expect(stage.started).toEqual(TEN.slice(0, 6));
  for (const place of ["1@B", "4@E", "5@F"]) stage.job(place).complete();
  expect([...(await result).keys()].sort()).toEqual([1, 4, 5]);
  expect(stage.jobs.map(({ signal }) => signal.aborted)).toEqual([true, false, true, true, false, false]);
  expect(stage.grid.clock.pendingTimers).toBe(0);
});

it("C-08 overdue, then failures: it waits for the overdue until they cannot be enough, and no longer", async () => {
  const stage = new RaceStage(6);
  stage.find(...TEN.slice(0, 6));
  stage.exhaust();
  const result = stage.race();
  let isSettled = false;
  result.catch(() => {
    isSettled = true;
  });
  await stage.grid.clock.run(LATE);
  for (const place of ["3@D", "4@E", "5@F"]) stage.job(place).die();
  stage.job("0@A").complete();
  await stage.grid.clock.run(100);
  expect(isSettled).toBe(false);
  stage.job("1@B").die();
  await stage.grid.clock.run(0);
  expect(isSettled).toBe(true);
  await expect(result).rejects.toBe(stage.defeat);
  expect(stage.job("2@C").signal.aborted).toBe(true);
});

it("C-09 one share only and no more to come: given up without waiting for it", async () => {
  const stage = new RaceStage(1);
  stage.find("0@A");
  const result = stage.race();
  expect(stage.started).toEqual(["0@A"]);
  stage.exhaust();
  await expect(result).rejects.toBe(stage.defeat);
  expect(stage.job("0@A").signal.aborted).toBe(true);
});

it("C-10 no share at all: asked for once, then given up", async () => {
  const stage = new RaceStage(1);
  const result = stage.race();
  expect(stage.hungry).toBe(1);
  stage.exhaust();
  await expect(result).rejects.toBe(stage.defeat);
});

it("C-11 a defect in the choosing fails the segment with itself, and does not leave it waiting", async () => {
  const stage = new RaceStage(3);
  stage.find("0@A", "1@B");
  const result = stage.race();
  const defect = new RangeError("defect");
  vi.spyOn(stage.pool, "choose").mockImplementation(() => {
    throw defect;
  });
  stage.find("2@C");
  await expect(result).rejects.toBe(defect);
  expect(stage.jobs.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

it("C-12 the decoder gets exactly k blocks, when spares have brought theirs as well", async () => {
  const grid = new SimulatedGrid(10);
  const { cap, storageIndexText } = await grid.put(patternBytes(310), F1);
  const counts: number[] = [];
  const codec = {
    ...zfecTypeScript,
    decode: (...[code, blocks, target]: Parameters<typeof zfecTypeScript.decode>) => {
      counts.push(blocks.size);
      zfecTypeScript.decode(code, blocks, target);
    },
  };
  const download = new ChkDownload(cap, { ...contextFor(grid, storageIndexText), codec });
  download.enter();
  const never = new AbortController().signal;
  await grid.clock.runUntil(download.geometry(0, never));
  for (const { behaviour } of grid.servers.slice(0, 3)) behaviour.latency = 1800;
  for (const segment of [0, 1, 2]) await grid.clock.runUntil(download.segment(segment, async () => {}, never));
  expect(grid.servers.filter(({ reads }) => reads.length > 0).length).toBeGreaterThan(3);
  expect(counts).toEqual([3, 3, 3]);
});

it("C-13 shares are spread over servers in each segment anew", () => {
  const stage = new RaceStage(3);
  stage.find("0@A", "1@A", "2@A");
  void stage.race();
  expect(stage.started).toEqual(["0@A", "1@A", "2@A"]);
  stage.find("3@B", "4@C");
  void stage.race();
  expect(stage.started.slice(3)).toEqual(["0@A", "3@B", "4@C"]);
});

it("C-14 dead and corrupt are different: a dead share serves no other segment, one with a bad block does", async () => {
  const stage = new RaceStage(10);
  stage.find("0@A", "1@B", "2@C", "3@D");
  const result = stage.race();
  stage.job("2@C").die();
  stage.job("1@B").refuse();
  await stage.grid.clock.run(0);
  expect(stage.started).toEqual(["0@A", "1@B", "2@C", "3@D"]);
  stage.find("4@E");
  for (const place of ["0@A", "3@D", "4@E"]) stage.job(place).complete();
  expect([...(await result).keys()].sort()).toEqual([0, 3, 4]);
  void stage.race();
  const second = stage.started.slice(5);
  expect(second).toContain("1@B");
  expect(second).not.toContain("2@C");
});

it("C-15 when a copy fails the next copy of its share number is tried", async () => {
  const stage = new RaceStage(4);
  stage.find("0@A", "1@B", "2@C", "2@D");
  const result = stage.race();
  expect(stage.started).toEqual(["0@A", "1@B", "2@C"]);
  stage.job("2@C").die();
  await stage.grid.clock.run(0);
  expect(stage.started).toEqual(["0@A", "1@B", "2@C", "2@D"]);
  for (const place of ["0@A", "1@B", "2@D"]) stage.job(place).complete();
  expect((await result).get(2)).toBe("2@D");
});
