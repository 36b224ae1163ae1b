import { beforeEach, expect, it } from "vitest";
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
  const make = (n: number) => encodeShares(patternBytes(310, n), { ...F1, key: patternBytes(16, n) });
  const files = [await make(1), await make(2), await make(3)] as const;
  const firsts: Cost[] = [];
  const seconds: Cost[] = [];
  const lost: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const grid = new HalfDeadGrid(seed);
    for (const file of files) grid.upload(file);
    const life = new Lives(grid).begin();
    firsts.push(await costOf(grid, life, files[0]));
    seconds.push(await costOf(grid, life, files[1]));
    lost.push(await msToLose(grid, life, files[2]));
  }
  // A byte takes a millionth of a millisecond.
  expect(median(firsts.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(650);
  expect(median(firsts.map(({ queries }) => queries))).toBeLessThanOrEqual(34);
  expect(median(seconds.map(({ ms }) => Math.floor(ms)))).toBeLessThanOrEqual(650);
  expect(median(seconds.map(({ queries }) => queries))).toBeLessThanOrEqual(27);
  expect(median(lost)).toBeLessThanOrEqual(10_000);
});
