import { beforeEach, describe, expect, it } from "vitest";
import { type GridError, isGridError } from "../base/GridError.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { behave } from "./testing/SimulatedServer.ts";
import { bytesOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const ALL = Array.from({ length: 10 }, (_, n) => n);

// Places in the shares of this file (310 bytes, segments of 120, 3 of 10, version 1).
const VERSION_AT = 3;
const FIRST_BLOCK_AT = 36;
const CIPHERTEXT_LEAF_AT = 364 + 3 * 32;
const BLOCK_LEAF_AT = 588 + 3 * 32;
const CHAIN_HASH_AT = 812 + 2;
const UEB_AT = 986;

let file: EncodedFile;
let grid: SimulatedGrid;
let node: FileNode;

beforeEach(async () => {
  file ??= await encodeShares(plaintext, F1);
  grid = new SimulatedGrid(10);
  node = grid.hold(file);
});

type TooFew = GridError<"NOT_ENOUGH_SHARES">;

async function failure(of: FileNode = node): Promise<TooFew> {
  const { error } = await outcomeOf(grid, of);
  if (!isGridError(error, "NOT_ENOUGH_SHARES")) throw error ?? new Error("it was read");
  return error;
}

/** What the error says of one server. */
function outcomeAt({ details }: TooFew, server: number): string {
  return details.servers.find((entry) => entry.server === `server${server}`)?.outcome ?? "not mentioned";
}

const spoil = (numbers: readonly number[], at: number): void =>
  damage(grid, file.storageIndexText, numbers, (share) => flip(share, at));

describe("N-01 none found, or too few", () => {
  it("tells the two apart by what servers offered", async () => {
    const none = new SimulatedGrid(10);
    const { error } = await outcomeOf(none, none.nodes.open(file.cap));
    expect(error).toMatchObject({ details: { needed: 3, found: 0 } });
    expect((error as Error).message).toMatch(/^All 10 servers of this grid have answered/);
    spoil(ALL, VERSION_AT);
    const { details, message } = await failure();
    expect(details).toMatchObject({ needed: 3, found: 10 });
    expect(message).toMatch(/^10 shares were found, 3 are needed/);
  });

  const messageWithout = async (servers: readonly number[], change: () => void = () => {}): Promise<string> => {
    for (const server of servers) grid.servers[server]!.shares.clear();
    change();
    return (await failure()).message;
  };

  it("READ-1 all servers answered, and none has it: it asks about the cap, and not to try again", async () => {
    expect(await messageWithout(ALL)).toBe(
      "All 10 servers of this grid have answered, and none has such a file. Is the cap complete, right in each letter, and of this grid?",
    );
  });

  it("READ-2 some servers did not answer: it says how many, and to try again later", async () => {
    const message = await messageWithout(ALL.slice(2), () => behave(grid.servers.slice(6), { statusOnList: 500 }));
    expect(message).toBe(
      "2 of the 3 shares that are needed were found, and 4 of this grid's 10 servers did not answer. " +
        "Try again later, when more of the file's servers can be reached.",
    );
  });

  it("READ-2 no server can be reached: it says so", async () => {
    const message = await messageWithout([], () => behave(grid.servers, { statusOnList: 500 }));
    expect(message).toMatch(/^0 of the 3 shares .* 10 of this grid's 10 servers did not answer\. Try again later/);
  });

  it("READ-4 all answered and some shares are lost: nobody is told to wait", async () => {
    expect(await messageWithout(ALL.slice(2))).toBe(
      "2 of the 3 shares that are needed were found, and all 10 servers of this grid have answered: the other shares are lost, or on " +
        "servers that are not in its list.",
    );
  });

  it("READ-5 a wrong letter in the cap's hash: all shares are another file's", async () => {
    const uebHash = Uint8Array.from(file.cap.uebHash, (byte, i) => (i === 0 ? byte ^ 1 : byte));
    const { message } = await failure(grid.nodes.open({ ...file.cap, uebHash }));
    expect(message).toMatch(
      /^10 shares were found, and they are of another file than .* Is a letter wrong in the cap's second field/,
    );
  });

  it("without any server it says so at once, and lists none", async () => {
    const empty = new SimulatedGrid(0);
    const { error } = await outcomeOf(empty, empty.nodes.open(file.cap));
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { found: 0, servers: [] } });
    expect((error as Error).message).toBe("There is no server in this grid's list.");
    expect(empty.clock.now()).toBe(0);
  });
});

it("N-03 gives up as soon as too few can exist: a share under way is listed, and not waited for", async () => {
  for (const { shares } of grid.servers.slice(2)) shares.clear();
  grid.servers[1]!.behaviour.bandwidth = 0.001;
  const error = await failure();
  expect(grid.clock.now()).toBeLessThan(100);
  // Which of the two had brought its part by then is a matter of chance (N-02); both are listed, and neither is blamed.
  expect(outcomeAt(error, 0)).toBe("share 0: no failure");
  expect(outcomeAt(error, 1)).toBe("share 1: no failure");
  expect(outcomeAt(error, 2)).toBe("no share");
  expect(grid.inFlight).toBe(0);
});

describe("N-04 what became of each server", () => {
  it("names each one's own failure: which check, which status, how long", async () => {
    const { servers } = grid;
    spoil([0], VERSION_AT);
    spoil([1], UEB_AT);
    spoil([2], CHAIN_HASH_AT);
    damage(grid, file.storageIndexText, [3], (share) => share.subarray(0, 500));
    servers[4]!.behaviour.statusOnRead = 503;
    servers[5]!.behaviour.statusOnList = 401;
    servers[6]!.behaviour.hangsOnRead = true;
    servers[7]!.behaviour.hangsOnList = true;
    servers[8]!.shares.clear();
    const error = await failure();
    const expected = [
      /^share 0: The share header cannot be used: its version is 0/,
      /^share 1: /,
      /^share 2: .*share hash/,
      /^share 3: The share ends before byte .*cut off/,
      /^share 4: server4 answered HTTP 503/,
      /^share query: server5 answered HTTP 401/,
      /^share 6: (overdue|server6 sent 0 bytes in 15 s)/,
      /^share query: (overdue|server7 gave no answer in 20 s)/,
      /^no share$/,
      /^share 9: no failure$/,
    ];
    for (const [server, pattern] of expected.entries()) expect(outcomeAt(error, server)).toMatch(pattern);
    expect(error.details.servers).toHaveLength(10);
  });

  it.each<[string, number, RegExp]>([
    ["N-06 a wrong version", VERSION_AT, /share header.*version/],
    ["N-07 a wrong UEB", UEB_AT, /hash of the UEB is wrong/],
    ["N-07 a wrong share hash", CHAIN_HASH_AT, /share hash/],
    ["N-07 a wrong block hash", BLOCK_LEAF_AT, /hash of .*block hash tree/],
    ["N-07 a wrong ciphertext hash", CIPHERTEXT_LEAF_AT, /hash of .*ciphertext hash tree/],
  ])("%s in all shares is told of each that was tried", async (_, at, pattern) => {
    spoil(ALL, at);
    expectTold(await failure(), pattern);
  });

  it("N-06 a wrong version in eight of ten is told of those eight", async () => {
    spoil(ALL.slice(2), VERSION_AT);
    const error = await failure();
    expect(ALL.filter((server) => outcomeAt(error, server).includes("version"))).toEqual(ALL.slice(2));
  });

  it("N-05 a corrupt block is told as such, with its segment, and kills no share", async () => {
    spoil(ALL, FIRST_BLOCK_AT);
    expectTold(await failure(), /^share \d: corrupt at segment 0$/);
    const rest = await bytesOf(grid, node, { offset: 120 });
    expect(rest).toEqual(Buffer.from(plaintext.subarray(120)));
  });
});

/** Eight failures of ten make success impossible: the last two servers need not be tried, and nothing is said against them. */
function expectTold(error: TooFew, pattern: RegExp): void {
  const outcomes = ALL.map((server) => outcomeAt(error, server));
  const told = outcomes.filter((outcome) => pattern.test(outcome));
  expect(told.length).toBeGreaterThanOrEqual(8);
  const others = outcomes.filter((outcome) => !told.includes(outcome));
  expect(others.filter((outcome) => !/: (no failure|overdue)$/.test(outcome))).toEqual([]);
}

it("N-08 a segment that decodes to something else names its number and the storage index, shortened", async () => {
  const wrongRoot = await encodeShares(patternBytes(100), {
    ...F1,
    // One segment, so its hash is the root, and no tree stands between: the shares are intact.
    mangleUeb: (ueb) => {
      const at = Buffer.from(ueb).indexOf("crypttext_root_hash:32:") + "crypttext_root_hash:32:".length;
      return flip(ueb, at);
    },
  });
  const { error } = await outcomeOf(grid, grid.hold(wrongRoot));
  const storageIndexPrefix = wrongRoot.storageIndexText.slice(0, 12);
  expect(error).toMatchObject({ code: "BAD_SEGMENT", details: { segment: 0, storageIndexPrefix } });
  expect((error as Error).message).toContain(`Segment 0 of the file ${storageIndexPrefix}…`);
});

it("N-10 no error, nor its cause, tells a cap, a key or a hash of the cap", async () => {
  const ways: (() => void)[] = [
    () => spoil(ALL, VERSION_AT),
    () => spoil(ALL, UEB_AT),
    () => spoil(ALL, CHAIN_HASH_AT),
    () => spoil(ALL, CIPHERTEXT_LEAF_AT),
    () => spoil(ALL, FIRST_BLOCK_AT),
    () => damage(grid, file.storageIndexText, ALL, (share) => share.subarray(0, 700)),
    () => behave(grid.servers, { statusOnList: 401 }),
    () => behave(grid.servers, { statusOnRead: 500 }),
    () => behave(grid.servers, { hangsOnList: true }),
    () => behave(grid.servers, { breaksAfter: 0 }),
  ];
  const secrets = secretsOf(file);
  for (const [i, way] of ways.entries()) {
    grid = new SimulatedGrid(10);
    node = grid.hold(file);
    way();
    const error = await failure();
    const told = [error.message, error.stack, JSON.stringify(error.details), String(error.cause)].join("\n");
    for (const secret of secrets) expect(told.includes(secret), `way ${i}`).toBe(false);
  }
  for (const text of [formatCap(file.cap).slice(0, -4), formatCap(file.cap).replace(":3:10:", ":11:10:")]) {
    const caught = catchError(() => parseCap(text));
    for (const secret of secrets) expect(`${caught.message} ${JSON.stringify(caught)}`).not.toContain(secret);
  }
});

/** Texts by which a cap of this file could be known. The storage index's start may be told, the whole of it too: it opens nothing. */
function secretsOf({ cap }: EncodedFile): string[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return [encodeBase32(cap.key), encodeBase32(cap.uebHash), hex(cap.key), hex(cap.uebHash), "URI:CHK"];
}

function catchError(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
