import { beforeEach, expect, it } from "vitest";
import { encodeShares } from "../files/testing/encodeShares.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes } from "../files/testing/SimulatedGrid.ts";
import { F1, flip } from "../files/testing/scenario.ts";
import { parseShareHashChain } from "../formats/ShareHashChain.ts";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { pageRange } from "../hashing/HashPages.ts";
import { FileFacts } from "./FileFacts.ts";

beforeEach(() => installSynchronousCrypto());

async function f1() {
  const file = await encodeShares(patternBytes(310), F1);
  const share = file.shares.get(0) as Uint8Array;
  const { uebOffset } = parseShareLayout(share);
  return { ...file, facts: new FileFacts(file.cap), ueb: share.slice(uebOffset + 4) };
}

function chainOf(share: Uint8Array) {
  const { chainOffset, uebOffset } = parseShareLayout(share);
  return parseShareHashChain(share.subarray(chainOffset, uebOffset));
}

it("S4 D-12 B-17 the true number of segments reaches every share's record, those made late too", async () => {
  const { facts, ueb, shares } = await f1();
  // No record can be made on a guess, so none has to be resized.
  expect(() => facts.blockTree(0)).toThrow(/before the UEB/);
  facts.acceptUeb(ueb);
  for (const number of [0, 1, 2]) expect(facts.blockTree(number).leafCount).toBe(3);
  facts.shareTree.add(chainOf(shares.get(0) as Uint8Array));
  for (const number of [7, 9]) expect(facts.blockTree(number).leafCount).toBe(3);
  // The root comes as soon as a chain proves it, to records made before that and after.
  expect([0, 1, 7].map((number) => facts.blockTree(number).hasRoot)).toEqual([true, true, false]);
  facts.shareTree.add(chainOf(shares.get(7) as Uint8Array));
  expect(facts.blockTree(7).hasRoot).toBe(true);
});

it("S4 D-14 nothing guessed can stay: trees are made once, of their true size", async () => {
  const { facts, ueb } = await f1();
  facts.acceptUeb(ueb);
  expect(facts.ciphertextTree.leafCount).toBe(3);
  expect(facts.blockTree(4)).toBe(facts.blockTree(4));
});

it("B-16 all copies of a share number have one record", async () => {
  const { facts, ueb, shares } = await f1();
  facts.acceptUeb(ueb);
  facts.shareTree.add(chainOf(shares.get(0) as Uint8Array));
  const tree = facts.blockTree(0);
  const [page] = tree.missing(2);
  const layout = parseShareLayout(shares.get(0) as Uint8Array);
  const { offset, length } = pageRange(page as NonNullable<typeof page>);
  const at = layout.blockTreeOffset + offset;
  tree.accept(page as NonNullable<typeof page>, (shares.get(0) as Uint8Array).slice(at, at + length));
  expect(facts.blockTree(0).missing(0)).toEqual([]);
});

it("G-15 the first UEB that is the cap's counts, later ones are not looked at", async () => {
  const { facts, ueb } = await f1();
  expect(() => facts.acceptUeb(flip(ueb, 40))).toThrow(expect.objectContaining({ code: "BAD_HASH" }));
  expect(facts.geometry).toBeUndefined();
  facts.acceptUeb(ueb);
  const { geometry, shareTree } = facts;
  facts.acceptUeb(flip(ueb, 40));
  facts.acceptUeb(new Uint8Array(0));
  expect(facts.geometry).toBe(geometry);
  expect(facts.shareTree).toBe(shareTree);
});
