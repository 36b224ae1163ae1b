import { beforeEach, describe, expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { DirectoryCap, FileCap } from "../formats/Cap.ts";
import { formatCap, verifyCapOf } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { OfflineFiles } from "../offline/OfflineFiles.ts";
import { MemoryOfflineStore } from "../offline/testing/MemoryOfflineStore.ts";
import { FileSource } from "./FileSource.ts";

const chk = parseCap(`URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:1:1:9`) as FileCap & { kind: "CHK" };
const mutable = parseCap(`URI:SSK-RO:${"a".repeat(26)}:${"a".repeat(52)}`) as FileCap;
const directory = parseCap(`URI:DIR2-RO:${"a".repeat(26)}:${"a".repeat(52)}`) as DirectoryCap;
const badConfig = new GridError("BAD_CONFIG", { reason: "x" }, "x");
const never = new AbortController().signal;

let clock: VirtualClock;
let store: MemoryOfflineStore;
let files: () => Promise<FileNodes>;
let looks: number;
let source: FileSource;

beforeEach(() => {
  clock = new VirtualClock();
  store = new MemoryOfflineStore();
  looks = 0;
  files = async () => nodes("grid");
  const kept = new OfflineFiles(store, clock, () => {});
  source = new FileSource({
    grids: { files: () => files() },
    kept: {
      of(cap) {
        looks++;
        return kept.of(cap);
      },
    },
    unaided: nodes("unaided"),
    clock,
  });
});

/** Files that say by whom they were opened. */
function nodes(by: string): FileNodes {
  return { openLatest: async () => by, directory: () => by } as unknown as FileNodes;
}

async function keep(state: "kept" | "keeping"): Promise<void> {
  const { id } = new OfflineFiles(store, clock, () => {}).of(verifyCapOf(chk));
  await store.change(id, () => ({ id, cap: formatCap(verifyCapOf(chk)), grid: "", size: 9, keptBytes: 9, state }));
}

const open = (cap: FileCap) => clock.runUntil(source.open(cap, undefined, never));

describe("where the configuration is at hand", () => {
  it("its servers are asked, and for none of the requests is anything looked up or timed", async () => {
    await keep("kept");
    for (let i = 0; i < 100; i++) expect(await open(chk)).toBe("grid");
    expect([looks, clock.pendingTimers, clock.now()]).toEqual([0, 0, 0]);
  });
});

describe.each<[string, () => Promise<FileNodes>, ms: number]>([
  ["is late", () => new Promise((resolve) => clock.after(9_000, () => resolve(nodes("grid, late")))), 1_000],
  ["cannot be used", () => Promise.reject(badConfig), 0],
])("where the configuration %s", (_, how, ms) => {
  beforeEach(() => {
    files = how;
  });

  it("a file that is kept whole is read without servers", async () => {
    await keep("kept");
    expect([await open(chk), clock.now()]).toEqual(["unaided", ms]);
  });

  it.each<[string, () => Promise<void>]>([
    ["kept in part", () => keep("keeping")],
    ["not kept", async () => undefined],
    [
      "kept, and the store is away",
      async () => {
        await keep("kept");
        store.isAway = true;
      },
    ],
  ])("one that is %s waits for it", async (_, begin) => {
    await begin();
    const opened = open(chk);
    await (ms === 0 ? expect(opened).rejects.toBe(badConfig) : expect(opened).resolves.toBe("grid, late"));
  });

  it("what can change waits for it, and is not looked for in what is kept", async () => {
    for (const opened of [open(mutable), clock.runUntil(source.directory(directory, undefined))]) {
      await (ms === 0 ? expect(opened).rejects.toBe(badConfig) : expect(opened).resolves.toBe("grid, late"));
    }
    expect(looks).toBe(0);
  });

  it("a file in its cap needs none", async () => {
    const { size } = await open(parseCap("URI:LIT:nbswy3dp") as FileCap);
    expect([size, clock.now()]).toEqual([5, 0]);
  });
});
