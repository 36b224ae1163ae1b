import { beforeEach, describe, expect, it } from "vitest";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { codeOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";
import { changeField } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

type Change = (share: Uint8Array) => Uint8Array;

interface Trial {
  readonly version: 1 | 2;
  /** Share numbers that exist; share i is on server i. */
  readonly shares: readonly number[];
  readonly damaged: readonly number[];
  /** Milliseconds that the server of share 2 takes, where others take 10. */
  readonly latency?: number;
}

/** Reads the file and gives the error's code. Checks that what came, came right and soon. */
async function readDamaged(change: Change, { version, shares, damaged, latency = 10 }: Trial): Promise<string> {
  const grid = new SimulatedGrid(10);
  const place = (n: number) => (shares.includes(n) ? [n] : []);
  const { node, storageIndexText } = await grid.put(plaintext, { ...F1, version }, place);
  damage(grid, storageIndexText, damaged, change);
  Object.assign((grid.servers[2] as SimulatedGrid["servers"][0]).behaviour, { latency });
  const { bytes, code } = await outcomeOf(grid, node);
  expect(bytes).toEqual(Buffer.from(plaintext.subarray(0, code === "none" ? 310 : bytes.length)));
  expect(grid.clock.now()).toBeLessThan(5000);
  return code;
}

const dropped: [string, Change][] = [
  ["F-01 version 0", (share) => flip(share, 3, share[3])],
  ["F-01 version 3", (share) => flip(share, 3, (share[3] as number) === 1 ? 2 : 1)],
  ["F-01 version with its high byte set", (share) => flip(share, 0, 255)],
  ["F-02 the other version", (share) => flip(share, 3, 3)],
  ["F-04 data offset, high bytes", (share) => changeField(share, "data", (value) => value + 0x1000000n)],
  ["F-05 data offset, low bytes", (share) => changeField(share, "data", (value) => value + 1n)],
  ["F-08 block tree, not whole nodes", (share) => changeField(share, "blockTree", (value) => value + 1n)],
  ["F-08 block tree, behind the chain", (share) => changeField(share, "blockTree", (value) => value + 320n)],
  ["F-08 block tree, a node further", (share) => changeField(share, "blockTree", (value) => value + 32n)],
  ["F-09 chain, not whole entries", (share) => changeField(share, "chain", (value) => value + 32n)],
  ["F-09 chain, behind the UEB", (share) => changeField(share, "chain", (value) => value + 340n)],
  ["F-10 UEB, not whole entries", (share) => changeField(share, "ueb", (value) => value + 1n)],
  ["F-10 UEB, before the chain", (share) => changeField(share, "ueb", () => 8n)],
  ["F-11 UEB's length cut off", (share) => changeField(share, "ueb", () => BigInt(share.length - 3))],
  ["F-14 data offset of all ones", (share) => changeField(share, "data", () => -1n)],
  ["F-14 UEB offset of all ones", (share) => changeField(share, "ueb", () => -1n)],
  ["F-14 UEB offset with its highest bit set", (share) => flip(share, share[3] === 1 ? 32 : 60, 0x80)],
  ["F-14 block tree offset of all ones", (share) => changeField(share, "blockTree", () => -2n)],
  ["F-15 chain of no entries", (share) => emptyChain(share)],
];

function emptyChain(share: Uint8Array): Uint8Array {
  const { uebOffset } = parseShareLayout(share);
  const chain = changeField(share, "chain", () => BigInt(uebOffset));
  // The block tree must end where the chain starts, or that would be the fault that is found.
  return changeField(chain, "blockTree", () => BigInt(uebOffset - 224));
}

describe.each([1, 2] as const)("version %i", (version) => {
  it.each(dropped)("%s: the share is dropped, a spare serves", async (_name, change) => {
    const one = { version, damaged: [2] };
    expect(await readDamaged(change, { ...one, shares: [0, 1, 2] })).toBe("NOT_ENOUGH_SHARES");
    expect(await readDamaged(change, { ...one, shares: [0, 1, 2, 3] })).toBe("none");
    expect(await readDamaged(change, { version, damaged: ALL, shares: ALL })).toBe("NOT_ENOUGH_SHARES");
  });

  it.each<[string, Change]>([
    ["F-03 block size", (share) => changeField(share, "blockSize", () => -1n)],
    ["F-03 data size", (share) => changeField(share, "dataSize", () => 0n)],
    ["F-06 plaintext tree", (share) => changeField(share, "plaintextTree", () => -1n)],
  ])("%s has no effect, in all shares", async (_name, change) => {
    expect(await readDamaged(change, { version, shares: [0, 1, 2], damaged: [0, 1, 2] })).toBe("none");
  });

  it.each([-32n, 1n, 0x1000000n])("F-07 ciphertext tree offset %d off", async (by) => {
    const change: Change = (share) => changeField(share, "ciphertextTree", (value) => value + by);
    const one = { version, shares: [0, 1, 2], damaged: [2] };
    expect(await readDamaged(change, { ...one, latency: 100 })).toBe("none");
    expect(await readDamaged(change, { ...one, latency: 1 })).toBe("NOT_ENOUGH_SHARES");
    expect(await readDamaged(change, { ...one, latency: 1, shares: [0, 1, 2, 3] })).toBe("none");
    expect(await readDamaged(change, { version, shares: ALL, damaged: ALL })).toBe("NOT_ENOUGH_SHARES");
  });

  it("F-11 UEB's length cut off by a table that is right in itself", async () => {
    const change: Change = (share) => {
      const ueb = share.length - 3;
      const chain = changeField(
        changeField(share, "ueb", () => BigInt(ueb)),
        "chain",
        () => BigInt(ueb - 170),
      );
      return changeField(chain, "blockTree", () => BigInt(ueb - 170 - 224));
    };
    expect(await readDamaged(change, { version, shares: [0, 1, 2], damaged: [2] })).toBe("NOT_ENOUGH_SHARES");
    expect(await readDamaged(change, { version, shares: ALL, damaged: ALL })).toBe("NOT_ENOUGH_SHARES");
  });

  it("F-12 block tree moved into the ciphertext tree, in seven of ten shares", async () => {
    const change: Change = (share) => changeField(share, "blockTree", (value) => value - 32n);
    expect(await readDamaged(change, { version, shares: ALL, damaged: [0, 1, 2, 3, 4, 5, 6] })).toBe("none");
    expect(await readDamaged(change, { version, shares: ALL, damaged: [0, 1, 2, 3, 4, 5, 6, 7] })).toBe(
      "NOT_ENOUGH_SHARES",
    );
  });
});

it("F-05 a data offset that is off by little makes blocks bad, and leaves the share alive", async () => {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
  damage(grid, storageIndexText, [2], (share) => changeField(share, "data", (value) => value + 1n));
  const server = grid.servers[2] as SimulatedGrid["servers"][0];
  expect(await codeOf(grid, node, { length: 1 })).toBe("none");
  const before = server.reads.length;
  damage(grid, storageIndexText, [1], () => new Uint8Array(0));
  // With another share lost the one that has bad blocks is tried again, for another segment.
  expect(await codeOf(grid, node, { offset: 120, length: 1 })).toBe("NOT_ENOUGH_SHARES");
  expect(server.reads.length).toBeGreaterThan(before);
});
