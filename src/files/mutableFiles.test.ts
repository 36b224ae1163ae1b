import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LogEvent } from "../base/EventLog.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import { overlaps } from "../base/range.ts";
import type { DirectoryCap, MutableCap } from "../formats/Cap.ts";
import { mutableBlockRange, parseMutableHeader } from "../formats/mutableHeader.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { createFileNodes } from "./createFileNodes.ts";
import { Directory } from "./Directory.ts";
import { DirectoryContents } from "./DirectoryContents.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { LiteralFile } from "./LiteralFile.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { type MutableGolden, mutableGolden, mutablePlaintext } from "./testing/mutableGolden.ts";
import { SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { behave } from "./testing/SimulatedServer.ts";
import { outcomeOf, putMutable } from "./testing/scenario.ts";

beforeAll(installSynchronousCrypto);

let grid: SimulatedGrid;
beforeEach(() => {
  grid = new SimulatedGrid(10);
});

function place(golden: MutableGolden, version?: number, numbers?: readonly number[]): void {
  putMutable(grid, golden, version, numbers);
}

function open({ cap }: MutableGolden, signal = new AbortController().signal): Promise<FileNode> {
  return grid.clock.runUntil(grid.nodes.openLatest(parseCap(cap), signal));
}

/** What a read brings, or the code of the error with which opening or reading fails. */
async function read(golden: MutableGolden, options: ReadOptions = {}): Promise<Buffer | string> {
  try {
    const { bytes, code } = await outcomeOf(grid, await open(golden), options);
    return code === "none" ? bytes : code;
  } catch (error) {
    return isGridError(error) ? error.code : String(error);
  }
}

const whole = (golden: MutableGolden, version = 0): Buffer => Buffer.from(mutablePlaintext(golden, version));

describe.each(["sdmf-empty", "sdmf", "mdmf-empty", "mdmf", "mdmf-segments", "one-of-one"])("%s", (name) => {
  const golden = mutableGolden(name);

  test("is read by its write cap and by its read cap", async () => {
    place(golden);
    for (const cap of [golden.cap, golden.readCap]) {
      const outcome = await read({ ...golden, cap });
      expect(Buffer.isBuffer(outcome) && Buffer.compare(outcome, whole(golden))).toBe(0);
    }
  });

  test("any range is what a slice of the whole is", async () => {
    place(golden);
    const file = await open(golden);
    const content = whole(golden);
    const offsets = fc.integer({ min: 0, max: file.size + 2 });
    await fc.assert(
      fc.asyncProperty(offsets, offsets, async (offset, length) => {
        const { bytes } = await outcomeOf(grid, file, { offset, length });
        expect(Buffer.compare(bytes, content.subarray(offset, offset + length))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});

test("other shares than the first k are decoded", async () => {
  const golden = mutableGolden("sdmf");
  place(golden, 0, [4, 7, 9]);
  expect(await read(golden)).toEqual(whole(golden));
});

test("fewer than k shares are an error that says which versions were seen where", async () => {
  const golden = mutableGolden("sdmf");
  place(golden, 0, [4, 9]);
  await expect(open(golden)).rejects.toMatchObject({
    code: "NO_VERSION",
    message: expect.stringContaining("version 1: 2 of the 3 shares"),
  });
  expect(await read(mutableGolden("mdmf"))).toBe("NO_VERSION");
});

describe("no share of it at all", () => {
  const golden = mutableGolden("sdmf");
  const message = () => open(golden).then(String, (error: Error) => error.message);

  test("READ-1 and all servers answered: it asks about the cap", async () => {
    expect(await message()).toMatch(
      /^All 10 servers of this grid have answered, and none has such a file\. Is the cap/,
    );
  });

  test("READ-2 and some did not answer: it says how many", async () => {
    grid.servers[3]!.behaviour.statusOnList = 500;
    grid.servers[4]!.behaviour.hangsOnList = true;
    expect(await message()).toMatch(
      /no share of it was found, and 2 of this grid's 10 servers did not answer\. Try again/,
    );
  });
});

describe("versions", () => {
  const golden = mutableGolden("versions");

  test("the newer one is read, though the old one's shares are found first", async () => {
    place(golden, 0, [0, 1, 2, 3, 4]);
    place(golden, 1, [5, 6, 7]);
    // Twice k servers answer before anything is believed: the sixth shows that there is something newer.
    expect(await read(golden)).toEqual(whole(golden, 1));
  });

  test("the newer one is read where its servers are further away than all others", async () => {
    place(golden, 0, [0, 1, 2, 6, 7, 8, 9]);
    place(golden, 1, [3, 4, 5]);
    behave(grid.servers.slice(3, 6), { latency: 1_000 });
    expect(await read(golden)).toEqual(whole(golden, 1));
  });

  test("a newer one with too few shares makes no difference but more questions", async () => {
    place(golden, 0, [0, 1, 2, 3, 4]);
    place(golden, 1, [5, 6]);
    expect(await read(golden)).toEqual(whole(golden, 0));
    expect(grid.servers.every(({ counts }) => counts.lists === 1)).toBe(true);
  });

  test("one that turns up on servers that were not asked is found after ten seconds", async () => {
    place(golden, 0, [0, 1, 2, 3, 4, 5]);
    expect(await read(golden)).toEqual(whole(golden, 0));
    place(golden, 1, [6, 7, 8, 9]);
    expect(await read(golden)).toEqual(whole(golden, 0));
    grid.servers.splice(0, 3);
    await grid.clock.run(11_000);
    expect(await read(golden)).toEqual(whole(golden, 1));
  });

  test("readers at the same time share one search", async () => {
    place(golden, 0);
    const cap = parseCap(golden.cap);
    const never = new AbortController().signal;
    const [one, two] = await grid.clock.runUntil(
      Promise.all([grid.nodes.openLatest(cap, never), grid.nodes.openLatest(cap, never)]),
    );
    expect(one).toBe(two);
    expect(grid.servers.reduce((sum, { counts }) => sum + counts.lists, 0)).toBeLessThanOrEqual(10);
  });
});

describe.each(["versions", "mdmf-segments"])("%s is overwritten", (name) => {
  const golden = mutableGolden(name);
  const never = new AbortController().signal;

  test("before a read: it brings the new version, however soon, and back again", async () => {
    place(golden, 0);
    expect(await read(golden)).toEqual(whole(golden, 0));
    for (const version of [1, 0, 1]) {
      place(golden, version);
      expect(await read(golden)).toEqual(whole(golden, version));
    }
  });

  test("while others look for it: who comes after that reads the new version", async () => {
    place(golden, 0, [0, 1, 2]);
    const cap = parseCap(golden.cap);
    const early = grid.nodes.openLatest(cap, never);
    // All shares have been looked at, and further servers are being asked whether they have any.
    await grid.clock.run(25);
    place(golden, 1, [0, 1, 2]);
    const late = grid.nodes.openLatest(cap, never);
    const [before, after] = await grid.clock.runUntil(Promise.all([early, late]));
    expect(after.version).not.toBe(before.version);
    expect((await outcomeOf(grid, after)).bytes).toEqual(whole(golden, 1));
  });
});

describe("a player's ranges", () => {
  const golden = mutableGolden("versions");

  test("cost no search each, but the signed headers of a few shares", async () => {
    place(golden, 0);
    await open(golden);
    const { lists, bytes } = grid.requests;
    for (let i = 0; i < 5; i++) {
      await grid.clock.run(1_000);
      expect(await read(golden, { offset: 10 * i, length: 10 })).toEqual(whole(golden).subarray(10 * i, 10 * i + 10));
    }
    expect(grid.requests.lists).toBe(lists);
    expect(grid.requests.bytes - bytes).toBeLessThanOrEqual(5 * 5 * 75);
  });

  test("wait for no server that has become slow", async () => {
    place(golden, 0);
    await open(golden);
    for (const index of [0, 1]) grid.servers[index]!.behaviour.hangsOnRead = true;
    const began = grid.clock.now();
    await open(golden);
    expect(grid.clock.now() - began).toBeLessThan(100);
    expect(grid.inFlight).toBe(0);
    expect(grid.clock.pendingTimers).toBe(0);
  });

  test("go on when a server says that there is something else", async () => {
    place(golden, 0);
    await open(golden);
    grid.servers[0]!.behaviour.tamper = (_number, offset, bytes) => (offset === 0 ? bytes.map((b) => b ^ 1) : bytes);
    for (let i = 0; i < 3; i++) expect(await read(golden)).toEqual(whole(golden));
  });
});

describe("overwritten between the search and the blocks", () => {
  const golden = mutableGolden("mdmf-segments");
  const SEGMENT = 131_073;
  const header = parseMutableHeader(golden.versions[0]!.get(0)!);
  const [first, second] = [mutableBlockRange(header, 0), mutableBlockRange(header, 1)] as const;

  test("a read says so, hands on no byte of the new version, and the next one needs no search", async () => {
    place(golden, 0);
    const file = await open(golden);
    place(golden, 1);
    const { code, bytes } = await outcomeOf(grid, file);
    expect([code, bytes.length]).toEqual(["FILE_CHANGED", 0]);
    const { lists } = grid.requests;
    expect(await read(golden)).toEqual(whole(golden, 1));
    expect(grid.requests.lists).toBe(lists);
  });

  test("in the middle of a read, too", async () => {
    place(golden, 0);
    const file = await open(golden);
    for (const { behaviour } of grid.servers) {
      // The second segment's blocks are those of the new version, and so is what a search shows after they were asked for.
      behaviour.tamper = (number, offset, bytes) => {
        if (offset === 0) return bytes;
        if (overlaps(second, offset, bytes.length)) place(golden, 1);
        const [old, now] = golden.versions.map((shares) => shares.get(number)!) as [Uint8Array, Uint8Array];
        const end = second.offset + second.length;
        const mixed = Buffer.concat([
          old.subarray(0, second.offset),
          now.subarray(second.offset, end),
          old.subarray(end),
        ]);
        return mixed.subarray(offset, offset + bytes.length);
      };
    }
    const { code, bytes } = await outcomeOf(grid, file);
    expect(code).toBe("FILE_CHANGED");
    expect(Buffer.compare(bytes, whole(golden, 0).subarray(0, SEGMENT))).toBe(0);
  });

  test("reads that fail at the same time share one search", async () => {
    place(golden, 0);
    const file = await open(golden);
    const { lists } = grid.requests;
    place(golden, 1);
    const reads = [0, 10, SEGMENT].map((offset) => new Response(file.read({ offset })).arrayBuffer());
    const outcomes = await grid.clock.runUntil(Promise.allSettled(reads));
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(grid.requests.lists - lists).toBe(10);
  });

  test("a read that fails leaves nothing under way, not even the segment after", async () => {
    place(golden, 0);
    const file = await open(golden);
    for (const { behaviour } of grid.servers) {
      behaviour.tamper = (_number, offset, bytes) => {
        const asksForSecond = overlaps(second, offset, bytes.length);
        behaviour.stallsAfter = asksForSecond ? Math.max(0, second.offset - offset) : undefined;
        return bytes.map((byte, i) => (overlaps(first, offset + i, 1) ? byte ^ 1 : byte));
      };
    }
    expect((await outcomeOf(grid, file)).code).toBe("NOT_ENOUGH_SHARES");
    await grid.clock.run(0);
    expect(grid.inFlight).toBe(0);
    expect(grid.clock.pendingTimers).toBe(0);
  });
});

describe("readers of one segment at the same time", () => {
  const golden = mutableGolden("mdmf-segments");

  test("share the work of getting it, and one who leaves disturbs nobody", async () => {
    place(golden);
    const file = await open(golden);
    const before = grid.requests.bytes;
    await outcomeOf(grid, file, { length: 1 });
    const once = grid.requests.bytes - before;
    const leaving = new AbortController();
    const gone = new Response(file.read({ length: 1, signal: leaving.signal })).arrayBuffer();
    const reads = [1, 2, 3].map((offset) => new Response(file.read({ offset, length: 1 })).arrayBuffer());
    grid.plan(5, () => leaving.abort(new Error("gone")));
    await grid.clock.runUntil(Promise.all([...reads, expect(gone).rejects.toThrow("gone")]));
    expect(grid.requests.bytes - before).toBeLessThanOrEqual(2 * once);
  });

  test("and so do those who come later, while it is remembered: of the version that it is of", async () => {
    const nodes = createFileNodes({ servers: grid, clock: grid.clock });
    const latest = () => grid.clock.runUntil(nodes.openLatest(parseCap(golden.cap), new AbortController().signal));
    place(golden);
    expect((await outcomeOf(grid, await latest())).bytes.equals(whole(golden))).toBe(true);
    const { bytes } = grid.requests;
    expect((await outcomeOf(grid, await latest(), { offset: 100_000 })).bytes.length).toBe(31_075);
    // The signed headers of a few shares.
    expect(grid.requests.bytes - bytes).toBeLessThan(1_000);
    place(golden, 1);
    expect((await outcomeOf(grid, await latest())).bytes.equals(whole(golden, 1))).toBe(true);
  });
});

test("what happens is told as of an immutable file: from read to segment to share to request", async () => {
  const golden = mutableGolden("mdmf-segments");
  const events: LogEvent[] = [];
  place(golden);
  const file = await open(golden);
  grid.log.listen((event) => events.push(event));
  await outcomeOf(grid, file);
  const kindOf = new Map(events.map(({ scope, kind }) => [scope, kind.split(".")[0]]));
  const edges = new Set(events.map(({ scope, parent }) => `${kindOf.get(parent ?? 0)} > ${kindOf.get(scope)}`));
  expect([...edges]).toEqual(expect.arrayContaining(["read > segment", "segment > share", "share > request"]));
});

describe("a directory that is overwritten while it is listed", () => {
  const cap = parseCap("URI:DIR2-LIT:") as DirectoryCap;
  const changed = new GridError("FILE_CHANGED", {}, "changed");

  function directoryThatChanges(times: number): { directory: Directory; opened: () => number } {
    let opened = 0;
    const open = async () => {
      if (opened++ === times) return new LiteralFile(new Uint8Array());
      return { size: 1, read: () => new ReadableStream({ pull: () => Promise.reject(changed) }) };
    };
    const directory = new Directory(cap, open, new DirectoryContents());
    return { directory, opened: () => opened };
  }

  test("is opened anew", async () => {
    const { directory, opened } = directoryThatChanges(2);
    expect(await directory.list(new AbortController().signal)).toEqual([]);
    expect(opened()).toBe(3);
  });

  test("and not for ever", async () => {
    const { directory, opened } = directoryThatChanges(100);
    await expect(directory.list(new AbortController().signal)).rejects.toBe(changed);
    expect(opened()).toBe(3);
  });
});

describe("callers who leave", () => {
  test("while nobody pulls: the stream errors at once, of whatever kind the file is", async () => {
    const golden = mutableGolden("mdmf-segments");
    place(golden);
    const gone = new Error("gone");
    for (const file of [await open(golden), new LiteralFile(Uint8Array.of(1, 2, 3))]) {
      const before = file.read({ signal: AbortSignal.abort(gone) }).getReader();
      await expect(before.closed).rejects.toBe(gone);
      const leaving = new AbortController();
      const reader = file.read({ signal: leaving.signal }).getReader();
      leaving.abort(gone);
      await expect(reader.closed).rejects.toBe(gone);
    }
  });

  const golden = mutableGolden("sdmf");

  test("one of two does not stop the search, and a third does not start another", async () => {
    place(golden);
    const cap = parseCap(golden.cap);
    const never = new AbortController().signal;
    const caller = new AbortController();
    const first = grid.nodes.openLatest(cap, caller.signal);
    const second = grid.nodes.openLatest(cap, never);
    await grid.clock.run(5);
    caller.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    const third = grid.nodes.openLatest(cap, never);
    const [two, three] = await grid.clock.runUntil(Promise.all([second, third]));
    expect(three).toBe(two);
    expect(grid.servers.every(({ counts }) => counts.lists <= 1)).toBe(true);
  });

  test("one who waits for the next look while the first goes on does not keep the others", async () => {
    place(golden);
    const cap = parseCap(golden.cap);
    const caller = new AbortController();
    const first = grid.nodes.openLatest(cap, new AbortController().signal);
    await grid.clock.run(5);
    const second = grid.nodes.openLatest(cap, caller.signal);
    caller.abort(new Error("gone"));
    await expect(second).rejects.toThrow("gone");
    const third = grid.nodes.openLatest(cap, new AbortController().signal);
    const [one, three] = await grid.clock.runUntil(Promise.all([first, third]));
    expect(three).toBe(one);
  });
});

describe("hung and failing servers", () => {
  const golden = mutableGolden("sdmf");

  test.each([
    ["sdmf", 98],
    ["mdmf", 106],
  ])(
    "%s: one server that gives a signed version other offsets, and claims all shares, changes nothing",
    async (name, at) => {
      const file = mutableGolden(name);
      place(file);
      const { storageIndex } = parseCap(file.cap) as MutableCap;
      const [first, ...others] = grid.servers;
      for (const [number, bytes] of file.versions[0] ?? []) {
        const share = bytes.slice();
        // In the table of offsets, which is not signed; and for SDMF, where this one is of no use to a reader, in the block.
        share[at]! ^= 1;
        share.fill(0, 800, 839);
        first!.hold(storageIndexText(storageIndex), number, share);
      }
      for (const { behaviour } of others) behaviour.latency = 100;
      expect(await read(file)).toEqual(whole(file));
    },
  );

  test("servers that never answer do not hold a read up", async () => {
    place(golden);
    for (const index of [0, 1, 2, 3, 4]) grid.servers[index]!.behaviour.hangsOnList = true;
    const began = grid.clock.now();
    expect(await read(golden)).toEqual(whole(golden));
    expect(grid.clock.now() - began).toBeLessThan(25_000);
  });

  test("a server that lists a share and does not send it is replaced", async () => {
    place(golden);
    grid.servers[1]!.behaviour.statusOnRead = 500;
    grid.servers[2]!.behaviour.hangsOnRead = true;
    expect(await read(golden)).toEqual(whole(golden));
  });

  test("nothing is under way after a caller has gone", async () => {
    place(golden);
    for (const { behaviour } of grid.servers) behaviour.hangsOnList = true;
    const caller = new AbortController();
    const opening = grid.nodes.openLatest(parseCap(golden.cap), caller.signal);
    await grid.clock.run(100);
    caller.abort(new Error("gone"));
    await expect(opening).rejects.toThrow("gone");
    await grid.clock.run(0);
    expect(grid.servers.map(({ inFlight }) => inFlight)).toEqual(Array(10).fill(0));
    expect(grid.clock.pendingTimers).toBe(0);
  });

  test("nothing is under way after a stream was cancelled", async () => {
    const file = mutableGolden("mdmf-segments");
    place(file);
    const node = await open(file);
    for (const { behaviour } of grid.servers) behaviour.hangsOnRead = true;
    const reader = node.read().getReader();
    const reading = reader.read();
    await grid.clock.run(100);
    await reader.cancel();
    await reading;
    await grid.clock.run(0);
    expect(grid.servers.map(({ inFlight }) => inFlight)).toEqual(Array(10).fill(0));
    expect(grid.clock.pendingTimers).toBe(0);
  });
});

describe("every byte of a share that matters is checked", () => {
  // Where the encrypted private key stands, which readers do not use, and the gap of an MDMF share.
  const unused: Record<string, (at: number, length: number) => boolean> = {
    sdmf: (at) => at >= 839,
    mdmf: (at) => (at >= 123 && at < 1339) || (at >= 2025 && at < 2167),
  };

  test.each(["sdmf", "mdmf"])(
    "%s: a flipped bit in one of three shares costs the file, elsewhere nothing",
    async (name) => {
      const golden = mutableGolden(name);
      const length = golden.versions[0]!.get(0)!.length;
      const places = Array.from({ length: Math.ceil(length / 7) }, (_, i) => 7 * i);
      for (const at of places) {
        grid = new SimulatedGrid(3);
        place(golden, 0, [0, 1, 2]);
        const { storageIndex } = parseCap(golden.cap) as MutableCap;
        // The last of the three, so that a signature is checked in another share before, as a group's need be only once.
        const share = grid.servers[0]!.shares.get(storageIndexText(storageIndex))!.get(0)!;
        share[at]! ^= 1;
        const outcome = await read(golden);
        if (typeof outcome !== "string") expect({ at, outcome }).toEqual({ at, outcome: whole(golden) });
        else if (unused[name]!(at, length)) expect({ at, outcome }).toEqual({ at, outcome: whole(golden) });
      }
    },
  );

  test.each(["sdmf", "mdmf", "mdmf-segments"])(
    "%s: bits flipped at random in half of the shares never come through",
    async (name) => {
      const golden = mutableGolden(name);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(7)), { maxLength: 12 }), async (flips) => {
          grid = new SimulatedGrid(10);
          place(golden);
          const { storageIndex } = parseCap(golden.cap) as MutableCap;
          for (const [which, at, bit] of flips) {
            const number = which % Math.ceil(golden.total / 2);
            const share = grid.servers[number]!.shares.get(storageIndexText(storageIndex))!.get(number)!;
            share[at % share.length]! ^= 2 ** bit;
          }
          const outcome = await read(golden);
          if (typeof outcome !== "string") expect(Buffer.compare(outcome, whole(golden))).toBe(0);
          else expect(["NO_VERSION", "NOT_ENOUGH_SHARES"]).toContain(outcome);
          // Half of ten shares are more than enough.
          if (golden.total === 10) expect(typeof outcome).not.toBe("string");
        }),
        { numRuns: 60 },
      );
    },
  );
});
