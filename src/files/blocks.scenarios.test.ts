import { beforeEach, describe, expect, it } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import { zfecTypeScript } from "../erasure/zfecTypeScript.ts";
import type { ChkCap } from "../formats/Cap.ts";
import { formatShareHashChain } from "../formats/ShareHashChain.ts";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { buildHashTree } from "../hashing/buildHashTree.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { UEB_TAG } from "../hashing/tags.ts";
import { createFileNodes } from "./createFileNodes.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";
import { changeUeb } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);
const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const BLOCK_0 = 36;
const TAIL_BLOCK = 36 + 80;

describe("I corrupt blocks", () => {
  it.each([BLOCK_0, BLOCK_0 + 20, BLOCK_0 + 39, TAIL_BLOCK, TAIL_BLOCK + 12, TAIL_BLOCK + 23])(
    "I-01 one share, one block, the share's byte %i: another share is used",
    async (at) => {
      const grid = new SimulatedGrid(4);
      const { node, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
      damage(grid, storageIndexText, [2], (share) => flip(share, at));
      expect(await bytesOf(grid, node)).toEqual(whole);
      expect((grid.servers[3] as SimulatedServer).counts.reads).toBeGreaterThan(0);
    },
  );

  it("I-02 I-03 I-04 block 0 bad in all shares: other segments can be read, and this one once it is mended", async () => {
    const grid = new SimulatedGrid(10);
    const { node, storageIndexText } = await grid.put(plaintext, F1);
    damage(grid, storageIndexText, ALL, (share) => flip(share, BLOCK_0));
    const { pieces, error } = await outcomeOf(grid, node);
    expect(pieces).toEqual([]);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { found: 10 } });
    expect(JSON.stringify(error)).toMatch(/corrupt at segment 0/);
    for (const offset of [120, 240]) {
      const bytes = await bytesOf(grid, node, { offset, length: 70 });
      expect(bytes).toEqual(whole.subarray(offset, offset + 70));
    }
    expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
    damage(grid, storageIndexText, ALL, (share) => flip(share, BLOCK_0));
    expect(await bytesOf(grid, node)).toEqual(whole);
  });

  it("I-05 a corrupt copy on a fast server, a good one elsewhere: the good one serves", async () => {
    const grid = new SimulatedGrid(4);
    const { node, shares, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < 3 ? [n] : []));
    grid.servers[3]?.hold(storageIndexText, 2, flip(shares.get(2) as Uint8Array, BLOCK_0));
    (grid.servers[2] as SimulatedServer).behaviour.latency = 200;
    (grid.servers[3] as SimulatedServer).behaviour.latency = 1;
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect((grid.servers[3] as SimulatedServer).counts.reads).toBeGreaterThan(0);
  });

  it("I-06 too many corrupt: given up early, without reading everything", async () => {
    const large = patternBytes(600_000);
    const grid = new SimulatedGrid(10);
    const { node, storageIndexText, shares } = await grid.put(large, { ...F1, maxSegmentSize: 6000 });
    damage(grid, storageIndexText, [0, 1, 2, 3, 4, 5, 6, 7], (share) => flip(share, BLOCK_0));
    const { pieces, code } = await outcomeOf(grid, node);
    expect({ pieces, code }).toEqual({ pieces: [], code: "NOT_ENOUGH_SHARES" });
    // The read-ahead of a healthy start, and a bit from each of the others.
    expect(grid.requests.bytes).toBeLessThan(4 * (shares.get(0) as Uint8Array).length);
    expect(grid.inFlight).toBe(0);
  });

  it("I-07 corruption that appears between segments is routed around", async () => {
    const grid = new SimulatedGrid(10, { windowStart: 1, windowMost: 120, smallShareBytes: 0, gapBytes: 0 });
    const { node, storageIndexText } = await grid.put(plaintext, F1);
    const reader = node.read().getReader();
    const parts = [(await grid.clock.runUntil(reader.read())).value as Uint8Array];
    const inUse = ALL.filter((n) => (grid.servers[n] as SimulatedServer).counts.reads > 0);
    damage(grid, storageIndexText, inUse, (share) => flip(flip(share, BLOCK_0 + 50), TAIL_BLOCK));
    for (;;) {
      const { done, value } = await grid.clock.runUntil(reader.read());
      if (done) break;
      parts.push(value);
    }
    expect(Buffer.concat(parts)).toEqual(whole);
  });
});

describe("I-08 blocks taken on trust", () => {
  // 700 segments, and so three pages of 256 hashes.
  const large = patternBytes(84_000);
  const limits = { windowStart: 1, windowMost: 1200, smallShareBytes: 0, gapBytes: 0 };
  const dataOf = (segment: number) => BLOCK_0 + segment * 40;
  const segmentOf = (segment: number) => Buffer.from(large.subarray(segment * 120, (segment + 1) * 120));

  /** A file of which the first segment was read, with the servers that it came from. */
  async function begun(servers = 10) {
    const grid = new SimulatedGrid(servers, limits);
    const put = await grid.put(large, F1, (n) => (n < servers ? [n] : []));
    const reader = put.node.read().getReader();
    const parts = [(await grid.clock.runUntil(reader.read())).value as Uint8Array];
    const numbers = ALL.slice(0, servers).filter((n) => (grid.servers[n] as SimulatedServer).counts.reads > 0);
    const inUse = numbers.map((n) => grid.servers[n] as SimulatedServer);
    const rest = async () => {
      for (;;) {
        const { done, value } = await grid.clock.runUntil(reader.read());
        if (done) return Buffer.concat(parts);
        parts.push(value);
      }
    };
    const { blockTreeOffset, chainOffset } = parseShareLayout(put.shares.get(0) as Uint8Array);
    const hashReads = ({ reads }: SimulatedServer) =>
      reads.filter(({ offset, length }) => offset < chainOffset && offset + length > blockTreeOffset).length;
    return { grid, ...put, numbers, inUse, rest, hashReads, reader };
  }

  it.each([1, 2, 3])(
    "of %i shares that turn bad: found, reported, replaced, nothing wrong handed on",
    async (count) => {
      const { grid, storageIndexText, numbers, rest } = await begun();
      const turned = numbers.slice(0, count);
      expect(turned).toHaveLength(count);
      damage(grid, storageIndexText, turned, (share) => flip(share, dataOf(400)));
      expect(await rest()).toEqual(Buffer.from(large));
      for (const [n, { reports }] of grid.servers.entries()) {
        const expected = turned.includes(n) ? [{ shareNumber: n, reason: "block 400 does not match its hash" }] : [];
        expect(reports).toEqual(expected);
      }
    },
  );

  it("cost no hashes of theirs while they are good", async () => {
    const { rest, inUse, hashReads } = await begun();
    const before = inUse.map(hashReads);
    expect(await rest()).toEqual(Buffer.from(large));
    expect(inUse.map(hashReads)).toEqual(before);
  });

  it("are not fetched again when one beside them was bad", async () => {
    const { grid, storageIndexText, numbers, inUse, rest } = await begun();
    damage(grid, storageIndexText, numbers.slice(0, 1), (share) => flip(share, dataOf(400)));
    expect(await rest()).toEqual(Buffer.from(large));
    for (const { reads } of inUse) {
      // The first one asked on a guess, for much more.
      const ofBlock = reads
        .slice(1)
        .filter(({ offset, length }) => offset <= dataOf(400) && offset + length > dataOf(400));
      expect(ofBlock).toHaveLength(1);
    }
  });

  it("are judged before idle servers are asked for others, so that the liar is reported", async () => {
    const film = patternBytes(20_000_000);
    const grid = new SimulatedGrid(10);
    const { node, storageIndexText } = await grid.put(film, { ...F1, maxSegmentSize: 1_000_002 });
    const blockLength = 1_000_002 / 3;
    await bytesOf(grid, node, { length: 10 });
    const [liar] = ALL.filter((n) => (grid.servers[n] as SimulatedServer).counts.reads > 0) as [number];
    damage(grid, storageIndexText, [liar], (share) => flip(share, BLOCK_0 + 10 * blockLength));
    expect((await bytesOf(grid, node)).equals(film)).toBe(true);
    const blamed = ALL.filter((n) => (grid.servers[n] as SimulatedServer).reports.length > 0);
    expect(blamed).toEqual([liar]);
  });

  it("are not, any more, of a share that turned bad", async () => {
    const { grid, node, storageIndexText, inUse, hashReads, reader } = await begun(4);
    await reader.cancel();
    damage(grid, storageIndexText, [1], (share) => flip(share, dataOf(10)));
    expect(await bytesOf(grid, node, { offset: 10 * 120, length: 120 })).toEqual(segmentOf(10));
    // There is no other share left.
    (grid.servers[3] as SimulatedServer).behaviour.statusOnRead = 500;
    const before = inUse.map(hashReads);
    expect(await bytesOf(grid, node, { offset: 300 * 120, length: 120 })).toEqual(segmentOf(300));
    expect(inUse.map((server, i) => hashReads(server) - (before[i] as number))).toEqual([0, 1, 0]);
  });

  it("of a server that then has no hashes to judge them by: it is replaced as one that is silent", async () => {
    const { grid, storageIndexText, numbers, inUse, rest, shares } = await begun();
    const { blockTreeOffset } = parseShareLayout(shares.get(0) as Uint8Array);
    damage(grid, storageIndexText, numbers.slice(0, 1), (share) => flip(share, dataOf(400)));
    const [liar] = inUse as [SimulatedServer];
    liar.behaviour.tamper = (_share, offset, bytes) => {
      if (offset < blockTreeOffset && offset + bytes.length > dataOf(400)) liar.behaviour.hangsOnRead = true;
      return bytes;
    };
    const began = grid.clock.now();
    expect(await rest()).toEqual(Buffer.from(large));
    expect(liar.behaviour.hangsOnRead).toBe(true);
    expect(grid.clock.now() - began).toBeLessThan(3_000);
  });
});

describe("J decoding and the ciphertext's hash", () => {
  /** F1 on a grid, read with a decoder that turns a bit over while `isLying`. */
  async function withLiar() {
    const grid = new SimulatedGrid(10);
    const liar = { isLying: true };
    const codec = {
      ...zfecTypeScript,
      decode: (...[code, blocks, target]: Parameters<typeof zfecTypeScript.decode>) => {
        zfecTypeScript.decode(code, blocks, target);
        if (liar.isLying) target[3] = (target[3] as number) ^ 1;
      },
    };
    const { cap } = await grid.put(plaintext, F1);
    const nodes = createFileNodes({ servers: grid, clock: grid.clock, log: grid.log, codec });
    return { grid, liar, node: nodes.open(cap) };
  }

  it("J-01 a decoder that lies is caught, with an error that names the segment", async () => {
    const { grid, node } = await withLiar();
    const { pieces, error } = await outcomeOf(grid, node, { offset: 130 });
    expect(pieces).toEqual([]);
    expect(error).toMatchObject({ code: "BAD_SEGMENT", details: { segment: 1 } });
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it("J-02 the node survives that: the same and other segments can be read once the decoder is right", async () => {
    const { grid, liar, node } = await withLiar();
    expect(await codeOf(grid, node)).toBe("BAD_SEGMENT");
    liar.isLying = false;
    expect(await bytesOf(grid, node, { offset: 250 })).toEqual(whole.subarray(250));
    expect(await bytesOf(grid, node)).toEqual(whole);
  });

  it("J-02 others that wait for other segments are not held up", async () => {
    const { grid, liar, node } = await withLiar();
    const failing = collect(node.read({ length: 10 }));
    failing.catch(() => {
      liar.isLying = false;
    });
    await expect(grid.clock.runUntil(failing)).rejects.toMatchObject({ code: "BAD_SEGMENT" });
    expect(await bytesOf(grid, node, { offset: 240 })).toEqual(whole.subarray(240));
  });

  it("J-03 two-faced upload: of two files under one UEB at most one can be returned", async () => {
    const other = patternBytes(310, 5);
    const [one, two] = await Promise.all([encodeShares(plaintext, F1), encodeShares(other, F1)]);
    const { shares, cap } = twoFaced(one, two);
    const read = async (numbers: readonly number[]) => {
      const grid = new SimulatedGrid(10);
      for (const n of numbers) grid.servers[n]?.hold(one.storageIndexText, n, shares.get(n) as Uint8Array);
      return outcomeOf(grid, grid.nodes.open(cap));
    };
    expect((await read([0, 1, 2])).bytes).toEqual(whole);
    expect(await read([5, 6, 7])).toMatchObject({ pieces: [], code: "BAD_SEGMENT" });
    expect(await read([0, 1, 7])).toMatchObject({ pieces: [], code: "BAD_SEGMENT" });
    const all = await read(ALL);
    expect(all.bytes).toEqual(whole.subarray(0, all.bytes.length));
  });

  it("J-05 nothing is delivered before the last check: each bad thing in turn, in all shares, costs every byte", async () => {
    const { shares } = await encodeShares(plaintext, F1);
    const layout = parseShareLayout(shares.get(0) as Uint8Array);
    const places = [
      3,
      layout.uebOffset + 100,
      layout.chainOffset + 20,
      layout.blockTreeOffset + 3 * 32,
      layout.ciphertextTreeOffset + 3 * 32,
      layout.dataOffset,
    ];
    for (const at of places) {
      const grid = new SimulatedGrid(10);
      const { node, storageIndexText } = await grid.put(plaintext, F1);
      damage(grid, storageIndexText, ALL, (share) => flip(share, at, 4));
      expect(await outcomeOf(grid, node), String(at)).toMatchObject({ pieces: [], code: "NOT_ENOUGH_SHARES" });
    }
  });
});

/** Shares 0 to 4 of one file and 5 to 9 of another, joined by a share hash tree and a UEB that promises the first one's ciphertext. */
function twoFaced(one: EncodedFile, two: EncodedFile): { shares: Map<number, Uint8Array>; cap: ChkCap } {
  const layout = parseShareLayout(one.shares.get(0) as Uint8Array);
  const chosen = ALL.map((n) => (n < 5 ? one : two).shares.get(n) as Uint8Array);
  const tree = buildHashTree(chosen.map((share) => share.slice(layout.blockTreeOffset, layout.blockTreeOffset + 32)));
  const honest = (one.shares.get(0) as Uint8Array).slice(layout.uebOffset + 4);
  const ueb = changeUeb(honest, "share_root_hash", tree[0] as Uint8Array);
  // Every share carries the first file's ciphertext hash tree: only decoding can tell.
  const hashes = (one.shares.get(0) as Uint8Array).slice(layout.ciphertextTreeOffset, layout.blockTreeOffset);
  const shares = new Map(
    chosen.map((share, n) => {
      const chain: [number, Uint8Array][] = [];
      for (let node = 15 + n; node > 0; node = Math.floor((node - 1) / 2)) {
        const sibling = node % 2 === 1 ? node + 1 : node - 1;
        chain.push([sibling, tree[sibling] as Uint8Array]);
      }
      chain.push([15 + n, tree[15 + n] as Uint8Array]);
      return [
        n,
        concatBytes([
          share.subarray(0, layout.ciphertextTreeOffset),
          hashes,
          share.subarray(layout.blockTreeOffset, layout.chainOffset),
          formatShareHashChain(chain),
          share.subarray(layout.uebOffset, layout.uebOffset + 4),
          ueb,
        ]),
      ];
    }),
  );
  return { shares, cap: { ...one.cap, uebHash: taggedHash(UEB_TAG, ueb) } };
}
