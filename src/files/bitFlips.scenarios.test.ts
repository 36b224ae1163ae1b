import { beforeEach, describe, expect, it } from "vitest";
import { goldenFile } from "../formats/testing/golden.ts";
import { relayAsV2 } from "../formats/testing/relayAsV2.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { flip, outcomeOf, putGolden } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

/*
 * F1 as real Tahoe-LAFS stored it, with the lowest bit of each byte of share 2 turned over in turn. What happens when just
 * shares 0 to 2 are there depends on the byte:
 *   dropped   the share, or a block of it, is refused: too few are left
 *   unused    nobody looks at it
 *   masked    another share gives the same thing: refused if this share is the first to give it, else not looked at
 * Hash trees are read in pages, of which F1's have one, the leaves: nodes 0 to 2 are unused. (The reference reads node 2.)
 */
type Effect = "dropped" | "unused" | "masked";

interface Section {
  readonly content: string;
  /** The first byte, in either version; the section goes on to the next one's. */
  readonly v1: number;
  readonly v2: number;
  readonly effect: Effect;
}

const SECTIONS: readonly Section[] = [
  { content: "version", v1: 0, v2: 0, effect: "dropped" },
  { content: "block size, data size", v1: 4, v2: 4, effect: "unused" },
  { content: "data offset", v1: 12, v2: 20, effect: "dropped" },
  { content: "plaintext tree offset", v1: 16, v2: 28, effect: "unused" },
  { content: "ciphertext tree offset, beyond 2^53", v1: 20, v2: 36, effect: "dropped" },
  { content: "ciphertext tree offset", v1: 20, v2: 37, effect: "masked" },
  { content: "block tree, chain and UEB offsets", v1: 24, v2: 44, effect: "dropped" },
  { content: "blocks", v1: 36, v2: 68, effect: "dropped" },
  { content: "plaintext tree", v1: 140, v2: 172, effect: "unused" },
  { content: "ciphertext tree, nodes 0 to 2", v1: 364, v2: 396, effect: "unused" },
  { content: "ciphertext tree, nodes 3 to 6", v1: 460, v2: 492, effect: "masked" },
  { content: "block tree, nodes 0 to 2", v1: 588, v2: 620, effect: "unused" },
  { content: "block tree, nodes 3 to 6", v1: 684, v2: 716, effect: "dropped" },
  { content: "share hash chain", v1: 812, v2: 844, effect: "dropped" },
  { content: "UEB and its length", v1: 982, v2: 1014, effect: "masked" },
];

const f1 = goldenFile("f1");
const plaintext = Buffer.from(f1.plaintext());

describe.each([
  { file: f1, version: "v1" as const, length: 1297 },
  { file: relayAsV2(f1), version: "v2" as const, length: 1333 },
])("V-1 one-bit flip map, $version", ({ file, version, length }) => {
  const whole = file.shares.get(2) as Uint8Array;

  /** Reads with one bit of share 2 turned over. Whatever comes is right. `latency`: of share 2's server; the others have 10. */
  async function readFlipped(at: number, shares: readonly number[], latency: number): Promise<string> {
    const grid = new SimulatedGrid(10);
    const { node, storageIndexText } = putGolden(grid, file, shares);
    const server = grid.servers[2] as SimulatedGrid["servers"][0];
    server.hold(storageIndexText, 2, flip(whole, at));
    server.behaviour.latency = latency;
    const { bytes, code } = await outcomeOf(grid, node);
    expect(bytes.equals(plaintext.subarray(0, code === "none" ? 310 : bytes.length)), `wrong bytes at ${at}`).toBe(
      true,
    );
    expect(grid.clock.now(), `time at ${at}`).toBeLessThan(2000);
    return code;
  }

  it("V-1 covers the whole share", () => expect(whole).toHaveLength(length));

  const sections = SECTIONS.map((section, i) => ({ ...section, end: SECTIONS[i + 1]?.[version] ?? length }));

  it.each(sections.filter((section) => section.end > section[version]))(
    "V-1 $content: $effect with three shares, harmless with four",
    { timeout: 300_000 },
    async (section) => {
      const refused = "NOT_ENOUGH_SHARES";
      for (let at = section[version]; at < section.end; at++) {
        const asFirst = section.effect === "unused" ? "none" : refused;
        const asLast = section.effect === "dropped" ? refused : "none";
        if (section.effect === "masked" || at % 2 === 0)
          expect(await readFlipped(at, [0, 1, 2], 1), `byte ${at} of the first share`).toBe(asFirst);
        if (section.effect === "masked" || at % 2 === 1)
          expect(await readFlipped(at, [0, 1, 2], 50), `byte ${at} of the last share`).toBe(asLast);
        expect(await readFlipped(at, [0, 1, 2, 3], 1), `byte ${at} with four shares`).toBe("none");
      }
    },
  );
});
