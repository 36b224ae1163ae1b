import { beforeEach, expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import type { Directory } from "../files/Directory.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { FolderLists } from "./FolderLists.ts";

const CAP = `URI:DIR2:${"a".repeat(26)}:${"a".repeat(52)}`;
const tooLittle = new GridError("NO_VERSION", { versions: [], servers: [{ server: "oak", outcome: "away" }] }, "none");

let clock: VirtualClock;
let calls: string[];
let part: Directory["part"];
let haveMoved: boolean;
let isOffline: boolean;
let lists: FolderLists;
beforeEach(() => {
  clock = new VirtualClock();
  calls = [];
  part = async () => ({ children: [], version: "1-a", next: 1_000 });
  haveMoved = false;
  isOffline = false;
  lists = new FolderLists({
    files: {
      async directory(cap: DirectoryCap, grid: string | undefined) {
        calls.push(`${formatCap(cap).split(":")[1]} on ${grid}`);
        return { part: (...asked: Parameters<Directory["part"]>) => part(...asked) } as Directory;
      },
    },
    grids: { changes: 1, changedSince: async () => haveMoved, doubt: () => calls.push("doubt") },
    surroundings: { isOffline: () => isOffline, forbidden: async () => [], isKeptFromLocalNetwork: async () => false },
    clock,
  });
});

const list = (cap = CAP, signal = new AbortController().signal) =>
  clock.runUntil(lists.part({ cap, grid: "", from: 0, version: undefined }, signal).catch((error: unknown) => error));

it("W-07: reads by the read cap alone", async () => {
  expect(await list()).toEqual({ entries: [], version: "1-a", next: 1_000 });
  expect(calls).toEqual(["DIR2-RO on undefined"]);
});

it("looks again where the servers have moved, and for another configuration where they have not", async () => {
  const works = part;
  part = async () => {
    part = works;
    throw tooLittle;
  };
  haveMoved = true;
  expect(await list()).toMatchObject({ version: "1-a" });
  expect(calls).toHaveLength(2);
  haveMoved = false;
  part = async () => {
    throw tooLittle;
  };
  expect(await list()).toMatchObject({ code: "NO_VERSION" });
  expect(calls.at(-1)).toBe("doubt");
  isOffline = true;
  expect(await list()).toMatchObject({ code: "OFFLINE" });
});

it("refuses what is no folder, and tells nothing of it", async () => {
  for (const [cap, code] of [
    ["URI:LIT:nbuq", "UNSUPPORTED_CAP"],
    [`URI:DIR2-Verifier:${"a".repeat(26)}:${"a".repeat(52)}`, "UNSUPPORTED_CAP"],
    ["URI:DIR2:hidden", "BAD_CAP"],
  ] as const) {
    const error = await list(cap);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toMatch(/nbuq|aaaa|hidden/);
  }
});

it("W-10: ends with the page that asks, and after 100 s in any case", async () => {
  const ended: unknown[] = [];
  part = (_from, _version, signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        ended.push(signal.reason);
        reject(signal.reason);
      }),
    );
  const page = new AbortController();
  const left = list(CAP, page.signal);
  await Promise.resolve();
  page.abort(new Error("left"));
  expect(await left).toEqual(new Error("left"));
  expect(await list()).toMatchObject({ code: "TIMED_OUT", details: { ms: 100_000 } });
  expect(ended).toHaveLength(2);
});
