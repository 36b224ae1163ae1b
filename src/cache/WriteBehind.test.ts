import { describe, expect, it } from "vitest";
import { EventLog } from "../base/EventLog.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { ByteStore, Changes } from "./ByteStore.ts";
import { PlaybackPace } from "./PlaybackPace.ts";
import { decodeShareMap, encodeShareMap } from "./shareMap.ts";
import { MemoryStore } from "./testing/MemoryStore.ts";
import { WriteBehind } from "./WriteBehind.ts";

const bytes = (length: number) => new Uint8Array(length).fill(length);

function stage(patience = 200) {
  const clock = new VirtualClock();
  const memory = new MemoryStore(10_000);
  const steps: Changes[] = [];
  const lookups: string[][] = [];
  let hold: Promise<void> = Promise.resolve();
  const store: ByteStore = {
    async get(keys) {
      lookups.push([...keys]);
      return memory.get(keys);
    },
    keys: (prefix) => memory.keys(prefix),
    async apply(changes) {
      steps.push(changes);
      await hold;
      await memory.apply(changes);
    },
  };
  const scope = new EventLog(clock).scope("memory");
  const behind = new WriteBehind({ store, clock, scope, queueMost: 1000, delay: 500, patience });
  const block = () => {
    let release: () => void = () => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  };
  return { clock, memory, steps, lookups, behind, block };
}

describe("WriteBehind", () => {
  it("writes what gathers in one step, and has it found before", async () => {
    const { clock, memory, steps, behind } = stage();
    behind.put("a", bytes(1));
    behind.put("b", bytes(2));
    behind.put("a", bytes(3));
    behind.delete("b");
    expect(await behind.get(["a", "b"])).toEqual(new Map([["a", bytes(3)]]));
    expect(await behind.keys("")).toEqual(new Set(["a"]));
    expect(steps).toEqual([]);
    await clock.run(500);
    expect(steps).toHaveLength(1);
    expect(await memory.get(["a", "b"])).toEqual(new Map([["a", bytes(3)]]));
    expect(clock.pendingTimers).toBe(0);
  });

  it("finds what is being written, and what was changed since", async () => {
    const { clock, behind, block } = stage();
    const release = block();
    behind.put("a", bytes(1));
    behind.put("b", bytes(2));
    await clock.run(500);
    behind.put("a", bytes(4));
    behind.delete("b");
    behind.put("c", bytes(5));
    const expected = new Map([
      ["a", bytes(4)],
      ["c", bytes(5)],
    ]);
    expect(await behind.get(["a", "b", "c"])).toEqual(expected);
    expect(await behind.keys("")).toEqual(new Set(["a", "c"]));
    release();
    await clock.run(1000);
    expect(await behind.get(["a", "b", "c"])).toEqual(expected);
  });

  it("refuses what is too much to wait, until there is room again", async () => {
    const { clock, behind, block } = stage();
    const release = block();
    expect(behind.put("a", bytes(600))).toBe(true);
    await clock.run(500);
    // What is being written is in memory still.
    expect(behind.put("b", bytes(600))).toBe(false);
    expect(behind.put("c", bytes(400))).toBe(true);
    release();
    await clock.run(1000);
    expect(behind.put("b", bytes(600))).toBe(true);
    expect([...(await behind.get(["a", "b", "c"])).keys()]).toEqual(["a", "b", "c"]);
  });

  it("looks up in one step what is asked for at one moment", async () => {
    const { lookups, behind } = stage();
    await Promise.all([behind.get(["a"]), behind.get(["b", "c"])]);
    await behind.get(["d"]);
    expect(lookups).toEqual([["a", "b", "c"], ["d"]]);
  });

  it("counts what is found as used", async () => {
    const { clock, steps, behind } = stage();
    behind.put("a", bytes(1));
    await clock.run(500);
    await behind.get(["a", "b"]);
    await clock.run(500);
    expect(steps[1]).toEqual({ uses: ["a"], deletes: [], puts: new Map() });
  });
});

describe("PlaybackPace", () => {
  it("allows any burst within its credit, then only what is slow enough, and again after a rest", async () => {
    const clock = new VirtualClock();
    const pace = new PlaybackPace(clock, 1, 100);
    expect([pace.allows(60), pace.allows(60), pace.allows(60)]).toEqual([true, true, false]);
    const fast: boolean[] = [];
    for (let i = 0; i < 50; i++) {
      await clock.run(10);
      fast.push(pace.allows(20));
    }
    expect(fast.slice(10)).not.toContain(true);
    await clock.run(150);
    const slow: boolean[] = [];
    for (let i = 0; i < 50; i++) {
      await clock.run(10);
      slow.push(pace.allows(5));
    }
    expect(slow).not.toContain(false);
  });
});

describe("a share map", () => {
  const locations = [
    { serverId: "v0-abc", shareNumber: 3, header: bytes(36) },
    { serverId: "", shareNumber: 255, header: bytes(68) },
  ];

  it("comes back as it was", () => {
    expect(decodeShareMap(encodeShareMap(locations))).toEqual(locations);
  });

  it.each(["", "{}", "[1]", '[["a"]]', '[["a",1.5,"aa"]]', '[["a",1,"!"]]', '[[1,1,"aa"]]', "\u0000", "[[", "null"])(
    "that is %j says nothing",
    (text) => {
      expect(decodeShareMap(new TextEncoder().encode(text))).toEqual([]);
    },
  );

  it("is read only so far", () => {
    const many = Array.from({ length: 2000 }, (_, i) => ["s", i, "aa"]);
    expect(decodeShareMap(new TextEncoder().encode(JSON.stringify(many))).length).toBe(512);
    const long = [
      ["s".repeat(1000), 1, "aa"],
      ["s", 1, "a".repeat(1000)],
      ["t", 1, "aa"],
    ];
    expect(decodeShareMap(new TextEncoder().encode(JSON.stringify(long))).map(({ serverId }) => serverId)).toEqual([
      "t",
    ]);
  });
});
