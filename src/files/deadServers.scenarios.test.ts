import { beforeEach, describe, expect, it } from "vitest";
import { percentile } from "../base/percentile.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { type Life, Lives } from "./testing/Lives.ts";
import { Random } from "./testing/random.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { behave, type SimulatedServer } from "./testing/SimulatedServer.ts";
import { F1, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const SEEDS = 30;

/** A hundred servers of which a quarter are live, in an order of its own for each file. */
class HalfDeadGrid extends SimulatedGrid {
  readonly random: Random;
  readonly live: ReadonlySet<SimulatedServer>;
  readonly orders = new Map<string, SimulatedServer[]>();

  constructor(seed: number) {
    super(100);
    this.random = new Random(seed);
    const servers = this.shuffled();
    for (const { behaviour } of servers) Object.assign(behaviour, { latency: 100, bandwidth: 1e9 });
    behave(servers.slice(0, 50), { statusOnList: 500, statusOnRead: 500 });
    behave(servers.slice(50, 75), { hangsOnList: true, hangsOnRead: true });
    this.live = new Set(servers.slice(75));
  }

  override inOrderFor(storageIndex?: Uint8Array): SimulatedServer[] {
    return this.orders.get(String(storageIndex)) ?? this.servers;
  }

  /** Its shares are on live servers, wherever these stand in the file's order: the grid was another when it was uploaded. */
  upload(file: EncodedFile): void {
    const order = this.shuffled();
    this.orders.set(String(file.cap.storageIndex), order);
    const live = this.shuffled().filter((server) => this.live.has(server));
    this.hold(file, (number) => [this.servers.indexOf(live[number]!)]);
  }

  shuffled(): SimulatedServer[] {
    const keys = new Map(this.servers.map((server) => [server, this.random.fraction()]));
    return this.servers.toSorted((a, b) => keys.get(a)! - keys.get(b)!);
  }
}

function encodeFiles(count: number): Promise<EncodedFile[]> {
  const make = (n: number) => encodeShares(patternBytes(310, n), { ...F1, key: patternBytes(16, n) });
  return Promise.all(Array.from({ length: count }, (_, index) => make(index + 1)));
}

/** What the first bytes of a file cost. */
interface Cost {
  readonly ms: number;
  readonly queries: number;
}

/** Reads the file, and lets some time pass until the next is read. */
async function costOf(grid: SimulatedGrid, life: Life, file: EncodedFile): Promise<Cost> {
  const [began, before] = [grid.clock.now(), grid.requests.lists];
  const reader = life.nodes.open(file.cap).read().getReader();
  const first = await grid.clock.runUntil(reader.read());
  const cost = { ms: grid.clock.now() - began, queries: grid.requests.lists - before };
  expect(first.value).toEqual(file.plaintext.subarray(0, first.value?.length));
  while (!(await grid.clock.runUntil(reader.read())).done);
  await grid.clock.run(1_000);
  return cost;
}

/** How long it takes to say that a file is lost, with all its shares. */
async function msToLose(grid: SimulatedGrid, life: Life, file: EncodedFile): Promise<number> {
  for (const { shares } of grid.servers) shares.clear();
  const began = grid.clock.now();
  expect(await outcomeOf(grid, life.nodes.open(file.cap))).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
  return grid.clock.now() - began;
}

const median = (figures: readonly number[]): number => percentile(figures, 0.5)!;

it("B-25 a hundred servers, of which fifty refuse and twenty-five hang: their places are soon given to others", async () => {
  const files = await encodeFiles(3);
  const firsts: Cost[] = [];
  const seconds: Cost[] = [];
  const lost: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const grid = new HalfDeadGrid(seed);
    for (const file of files) grid.upload(file);
    const life = new Lives(grid).begin();
    firsts.push(await costOf(grid, life, files[0]!));
    seconds.push(await costOf(grid, life, files[1]!));
    lost.push(await msToLose(grid, life, files[2]!));
  }
  // A byte takes a millionth of a millisecond.
  expect(median(firsts.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(650);
  expect(median(firsts.map(({ queries }) => queries))).toBeLessThanOrEqual(29);
  expect(median(seconds.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(650);
  expect(median(seconds.map(({ queries }) => queries))).toBeLessThanOrEqual(23);
  expect(median(lost)).toBeLessThanOrEqual(10_000);
});

it("B-26 a worker after one that read eight files of that grid asks those last that were away", async () => {
  const files = await encodeFiles(11);
  const firsts: Cost[] = [];
  const seconds: Cost[] = [];
  const lost: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const grid = new HalfDeadGrid(seed);
    for (const file of files) grid.upload(file);
    const lives = new Lives(grid);
    const before = lives.begin();
    for (const file of files.slice(0, 8)) await costOf(grid, before, file);
    const life = lives.begin();
    firsts.push(await costOf(grid, life, files[8]!));
    seconds.push(await costOf(grid, life, files[9]!));
    lost.push(await msToLose(grid, life, files[10]!));
  }
  expect(median(firsts.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(300);
  expect(median(firsts.map(({ queries }) => queries))).toBeLessThanOrEqual(13);
  expect(median(seconds.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(300);
  expect(median(seconds.map(({ queries }) => queries))).toBeLessThanOrEqual(12);
  expect(median(lost)).toBeLessThanOrEqual(10_000);
});

describe("B-27 what is remembered of servers that were away", () => {
  const DAY = 24 * 3_600_000;
  let grid: SimulatedGrid;
  let lives: Lives;
  let files: EncodedFile[];

  /** Ten servers, each with a share of every file. */
  beforeEach(async () => {
    grid = new SimulatedGrid(10);
    for (const { behaviour } of grid.servers) behaviour.latency = 100;
    lives = new Lives(grid);
    files = await encodeFiles(3);
    for (const file of files) grid.hold(file);
  });

  /** Reads a file, in a life of its own unless another is given. @returns which servers were asked for shares */
  async function asked(file: number, life = lives.begin()): Promise<number[]> {
    const before = grid.servers.map(({ counts }) => counts.lists);
    await outcomeOf(grid, life.nodes.open(files[file]!.cap));
    await grid.clock.runUntil(life.memory.settled());
    return [...grid.servers.keys()].filter((n) => grid.servers[n]!.counts.lists > before[n]!);
  }

  it("puts those last that refused or said nothing while others answered", async () => {
    grid.servers[0]!.behaviour.statusOnList = 500;
    grid.servers[1]!.behaviour.hangsOnList = true;
    // Else it would have been called off before anybody could say that it is late.
    behave(grid.servers.slice(2, 4), { latency: 150 });
    behave(grid.servers.slice(4), { latency: 400 });
    expect(await asked(0)).toEqual(expect.arrayContaining([0, 1]));
    behave(grid.servers, { latency: 100 });
    expect(await asked(1)).toEqual([2, 3, 4, 5, 6]);
  });

  it("never leaves one out, and one that answers is like any other at once", async () => {
    grid.servers[0]!.behaviour.statusOnList = 500;
    await asked(0);
    grid.servers[0]!.behaviour.statusOnList = undefined;
    expect(await asked(1)).not.toContain(0);
    // Now it is needed.
    behave(grid.servers.slice(1, 9), { statusOnList: 500, statusOnRead: 500 });
    for (const { shares } of grid.servers.slice(1)) shares.get(files[2]!.storageIndexText)?.clear();
    expect(await asked(2)).toContain(0);
    behave(grid.servers, { statusOnList: undefined, statusOnRead: undefined });
    for (const file of files) grid.hold(file);
    lives = new Lives(grid, { facts: lives.facts });
    expect(await asked(1)).toContain(0);
  });

  it("is for a day", async () => {
    grid.servers[0]!.behaviour.statusOnList = 500;
    await asked(0);
    grid.servers[0]!.behaviour.statusOnList = undefined;
    await grid.clock.run(DAY - 60_000);
    expect(await asked(1)).not.toContain(0);
    await grid.clock.run(60_000);
    expect(await asked(2)).toContain(0);
  });

  it("is nothing where the visitor's own network was away: all fail then, and are asked again later", async () => {
    const life = lives.begin();
    behave(grid.servers, { statusOnList: 503 });
    expect(await asked(0, life)).toHaveLength(10);
    behave(grid.servers, { statusOnList: undefined, hangsOnList: true });
    await asked(0, life);
    const impatient = life.nodes.open(files[1]!.cap).read().getReader();
    void impatient.read();
    await grid.clock.run(5_000);
    await impatient.cancel();
    behave(grid.servers, { hangsOnList: false });
    await grid.clock.run(1_000);
    await asked(1, life);
    expect(grid.servers.filter((server) => life.memory.away.has(server))).toEqual([]);
  });

  it("is nothing where what was written is junk", async () => {
    for (const junk of ["", "{}", "[[1,2],null]", '[["v0-server0","x"]]', '[["v0-server0",1e99]]', "[[]]"]) {
      const puts = new Map([["away-servers", new TextEncoder().encode(junk)]]);
      await lives.facts.apply({ uses: [], deletes: [], puts });
      expect(await asked(0)).toEqual([0, 1, 2, 3, 4]);
      lives = new Lives(grid);
    }
  });
});

describe("B-29 what a relay says of servers that it cannot reach", () => {
  const isAway = () => true;

  it("is as good as having met them, for a first worker too", async () => {
    const files = await encodeFiles(2);
    const firsts: Cost[] = [];
    const seconds: Cost[] = [];
    for (let seed = 0; seed < SEEDS; seed++) {
      const grid = new HalfDeadGrid(seed);
      for (const file of files) grid.upload(file);
      for (const server of grid.servers) if (!grid.live.has(server)) Object.assign(server, { isAway });
      const life = new Lives(grid).begin();
      firsts.push(await costOf(grid, life, files[0]!));
      seconds.push(await costOf(grid, life, files[1]!));
    }
    for (const costs of [firsts, seconds]) {
      expect(median(costs.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(300);
      expect(median(costs.map(({ queries }) => queries))).toBeLessThanOrEqual(12);
    }
  });

  it("changes nothing where it says that all are away, and costs no file where it says so of those that have it", async () => {
    for (const liesOf of [(_: number) => true, (n: number) => n < 3]) {
      const grid = new SimulatedGrid(10);
      const [file] = await encodeFiles(1);
      grid.hold(file!, (n) => (n < 3 ? [n] : []));
      for (const [n, server] of grid.servers.entries()) if (liesOf(n)) Object.assign(server, { isAway });
      expect(await outcomeOf(grid, new Lives(grid).begin().nodes.open(file!.cap))).toMatchObject({ code: "none" });
    }
  });
});

describe("B-28 how long a server's first answer is waited for", () => {
  /** A reader of a file, on a grid where only these servers hold shares of it: server 0 takes so long to say what it has. */
  async function read(
    holders: readonly number[],
    servers: number,
    latency: number,
  ): Promise<{ code: string; ms: number }> {
    const grid = new SimulatedGrid(servers);
    const file = await encodeShares(patternBytes(310), F1);
    grid.hold(file, (number) => (number < holders.length ? [holders[number]!] : []));
    grid.servers[0]!.behaviour.latency = latency;
    const began = grid.clock.now();
    const { code } = await outcomeOf(grid, grid.nodes.open(file.cap));
    return { code, ms: grid.clock.now() - began };
  }

  it("20 s where its share may be what is missing: others have shares of the file", async () => {
    expect(await read([0, 1, 2], 20, 12_000)).toMatchObject({ code: "none" });
  });

  it("20 s where few others have answered: it may be the one that has the file", async () => {
    expect(await read([0, 0, 0], 9, 12_000)).toMatchObject({ code: "none" });
  });

  it("8 s where ten have answered that they have none, if it never said anything before", async () => {
    const { code, ms } = await read([], 20, 1e9);
    expect(code).toBe("NOT_ENOUGH_SHARES");
    expect(ms).toBeLessThanOrEqual(10_000);
  });

  it("20 s where it has answered before", async () => {
    const grid = new SimulatedGrid(20);
    const files = await encodeFiles(2);
    grid.hold(files[0]!, () => [0]);
    grid.hold(files[1]!, () => [0]);
    await outcomeOf(grid, grid.nodes.open(files[0]!.cap));
    grid.servers[0]!.behaviour.latency = 12_000;
    expect(await outcomeOf(grid, grid.nodes.open(files[1]!.cap))).toMatchObject({ code: "none" });
  });
});
