import { beforeEach, describe, expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { faultless, SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, F1 } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);
const long = patternBytes(1_500_000);

/** A server that takes over another's shares. */
function heir(grid: SimulatedGrid, index: number, of: SimulatedServer): SimulatedServer {
  const server = new SimulatedServer(index, grid.clock);
  for (const [storageIndex, shares] of of.shares) server.shares.set(storageIndex, shares);
  return server;
}

const readsOf = (servers: readonly SimulatedServer[]) => servers.map(({ counts }) => counts.lists + counts.reads);

describe("a server list that changes", () => {
  it("under an open file: the next read uses the new servers, after a failure or without one", async () => {
    for (const isDown of [false, true]) {
      const grid = new SimulatedGrid(10);
      const { node } = await grid.put(plaintext, F1);
      expect(await bytesOf(grid, node)).toEqual(whole);
      const old = grid.servers;
      if (isDown) {
        for (const { behaviour } of old) Object.assign(behaviour, { statusOnList: 500, statusOnRead: 500 });
        expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
      }
      grid.list(old.map((server, i) => heir(grid, 10 + i, server)));
      const before = readsOf(old);
      expect(await bytesOf(grid, node)).toEqual(whole);
      expect(readsOf(old)).toEqual(before);
    }
  });

  it("under an open file: servers that stay keep what was learned of them", async () => {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(plaintext, F1);
    expect(await bytesOf(grid, node)).toEqual(whole);
    const lists = grid.requests.lists;
    grid.list([...grid.servers, new SimulatedServer(10, grid.clock)]);
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(grid.requests.lists).toBe(lists);
  });

  it("under a running read: those that come are asked when shares are lacking", async () => {
    // As many shares as are needed, and a read-ahead that leaves most of the file for later.
    const grid = new SimulatedGrid(3, { windowStart: 128 * 1024, windowMost: 128 * 1024 });
    const { node } = await grid.put(long, { ...F1, maxSegmentSize: 65_536 }, (n) => (n < 3 ? [n] : []));
    const [first, second, third] = grid.servers as [SimulatedServer, SimulatedServer, SimulatedServer];
    const reader = node.read({ offset: 0, length: long.length }).getReader();
    const pieces = [(await grid.clock.runUntil(reader.read())).value!];
    grid.list([first, second, heir(grid, 3, third)]);
    third.behaviour.statusOnRead = 500;
    for (let done = false; !done; ) {
      const piece = await grid.clock.runUntil(reader.read());
      done = piece.done;
      if (piece.value) pieces.push(piece.value);
    }
    expect(Buffer.concat(pieces).equals(long)).toBe(true);
  });

  it("under a running read: where all have left and answer no more, those in their place finish it", async () => {
    const grid = new SimulatedGrid(10, { windowStart: 128 * 1024, windowMost: 128 * 1024 });
    const { node } = await grid.put(long, { ...F1, maxSegmentSize: 65_536 });
    const reader = node.read({ offset: 0, length: long.length }).getReader();
    const pieces = [(await grid.clock.runUntil(reader.read())).value!];
    const old = grid.servers;
    for (const { behaviour } of old) Object.assign(behaviour, { statusOnList: 401, statusOnRead: 401 });
    grid.list(old.map((server, i) => heir(grid, 10 + i, server)));
    for (let done = false; !done; ) {
      const piece = await grid.clock.runUntil(reader.read());
      done = piece.done;
      if (piece.value) pieces.push(piece.value);
    }
    expect(Buffer.concat(pieces).equals(long)).toBe(true);
  });

  it("under a running read: what is under way on a server that leaves is not broken off", async () => {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(long, { ...F1, maxSegmentSize: 131_072 });
    const stream = collect(node.read({ offset: 0, length: long.length }));
    await grid.clock.run(25);
    expect(grid.inFlight).toBeGreaterThan(0);
    grid.list(grid.servers.slice(0, 7));
    expect(Buffer.from(await grid.clock.runUntil(stream)).equals(long)).toBe(true);
  });

  it("asks a server that left and came back", async () => {
    const grid = new SimulatedGrid(3);
    const { node } = await grid.put(plaintext, F1, (n) => (n < 3 ? [n] : []));
    const servers = grid.servers;
    expect(await bytesOf(grid, node)).toEqual(whole);
    grid.list(servers.slice(0, 2));
    expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
    grid.list(servers);
    expect(await bytesOf(grid, node)).toEqual(whole);
  });
});

describe("a server that comes back", () => {
  it("is read from again, by the node that saw it go", async () => {
    const grid = new SimulatedGrid(4);
    const { node } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
    const [lost, ...others] = grid.servers as [SimulatedServer, ...SimulatedServer[]];
    expect(await bytesOf(grid, node)).toEqual(whole);
    Object.assign(lost.behaviour, { statusOnList: 503, statusOnRead: 503 });
    expect(await bytesOf(grid, node)).toEqual(whole);
    Object.assign(lost.behaviour, faultless);
    await grid.clock.run(defaultLimits.secondChance);
    // Now it is needed: of the three others one is gone.
    Object.assign(others[0]!.behaviour, { statusOnList: 503, statusOnRead: 503 });
    expect(await bytesOf(grid, node)).toEqual(whole);
  });

  it("is used within the read that saw it go, where the others do not suffice", async () => {
    const grid = new SimulatedGrid(4, { windowStart: 128 * 1024, windowMost: 128 * 1024 });
    const { node } = await grid.put(long, { ...F1, maxSegmentSize: 65_536 }, (n) => (n < 4 ? [n] : []));
    const reader = node.read({ offset: 0, length: long.length }).getReader();
    const pieces: Uint8Array[] = [];
    const readSome = async (count: number) => {
      for (let turn = 0; turn < count; turn++) {
        const { done, value } = await grid.clock.runUntil(reader.read());
        if (done) return;
        pieces.push(value);
      }
    };
    const gone = { statusOnList: 503, statusOnRead: 503 };
    await readSome(2);
    const [lost] = grid.servers.filter(({ counts }) => counts.reads > 0) as [SimulatedServer];
    Object.assign(lost.behaviour, gone);
    await readSome(6);
    const before = lost.counts.reads;
    Object.assign(lost.behaviour, faultless);
    await grid.clock.run(defaultLimits.secondChance);
    Object.assign(grid.servers.find((server) => server !== lost)!.behaviour, gone);
    await readSome(1000);
    expect(Buffer.concat(pieces).equals(long)).toBe(true);
    expect(lost.counts.reads).toBeGreaterThan(before);
  });
});
