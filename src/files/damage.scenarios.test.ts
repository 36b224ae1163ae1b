import { beforeEach, describe, expect, it } from "vitest";
import { goldenFile } from "../formats/testing/golden.ts";
import { relayAsV2 } from "../formats/testing/relayAsV2.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, damage, F1, flip, outcomeOf, putGolden } from "./testing/scenario.ts";
import { changeField, FIELDS, type Field } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

const f1 = goldenFile("f1");
const plaintext = Buffer.from(f1.plaintext());

describe.each([
  { file: f1, version: 1 as const },
  { file: relayAsV2(f1), version: 2 as const },
])("version $version, shares of real Tahoe-LAFS", ({ file, version }) => {
  const whole = file.shares.get(2) as Uint8Array;

  /** Reads with share 2 changed, its server the fastest. Whatever comes is right, and the end comes soon. */
  async function readChanged(share2: Uint8Array, shares: readonly number[], what: string): Promise<string> {
    const grid = new SimulatedGrid(10);
    const { node, storageIndexText } = putGolden(grid, file, shares);
    const server = grid.servers[2] as SimulatedGrid["servers"][0];
    server.hold(storageIndexText, 2, share2);
    server.behaviour.latency = 1;
    const { bytes, code } = await outcomeOf(grid, node);
    expect(bytes.equals(plaintext.subarray(0, code === "none" ? 310 : bytes.length)), `wrong bytes, ${what}`).toBe(
      true,
    );
    expect(grid.clock.now(), what).toBeLessThan(2000);
    return code;
  }

  it("V-2 E-04 cut off after any number of bytes: dropped at once; with four shares no harm", {
    timeout: 300_000,
  }, async () => {
    for (let length = 0; length < whole.length; length++) {
      const share = whole.subarray(0, length);
      expect(await readChanged(share, [0, 1, 2], `length ${length}`), `length ${length}`).toBe("NOT_ENOUGH_SHARES");
      expect(await readChanged(share, [0, 1, 2, 3], `length ${length}`), `length ${length} of four`).toBe("none");
    }
    expect(await readChanged(whole, [0, 1, 2], "whole")).toBe("none");
  });

  it("V-3 the same damage in all ten shares: refused, unless nobody looks there", { timeout: 300_000 }, async () => {
    // The block and data sizes, the plaintext tree with its offset, and nodes 0 to 2 of the other trees.
    const unused: readonly (readonly [from: number, to: number])[] =
      version === 1
        ? [
            [4, 12],
            [16, 20],
            [140, 460],
            [588, 684],
          ]
        : [
            [4, 20],
            [28, 36],
            [172, 492],
            [620, 716],
          ];
    const sampled = Array.from({ length: whole.length }, (_, at) => at).filter((at) => at < 72 || at % 9 === 0);
    for (const at of [...sampled, whole.length - 1]) {
      const grid = new SimulatedGrid(10);
      const { node, storageIndexText } = putGolden(grid, file);
      damage(grid, storageIndexText, file.shares.keys(), (share) => flip(share, at));
      const { bytes, code } = await outcomeOf(grid, node);
      expect(bytes.equals(plaintext.subarray(0, bytes.length)), `wrong bytes, byte ${at}`).toBe(true);
      const isUnused = unused.some(([from, to]) => at >= from && at < to);
      expect(code, `byte ${at}`).toBe(isUnused ? "none" : "NOT_ENOUGH_SHARES");
      expect(grid.clock.now(), `byte ${at}`).toBeLessThan(2000);
    }
  });

  it("V-4 F-13 random offset tables: with a spare the file is read, without one nothing wrong comes of it", async () => {
    const random = new Random(version);
    for (let table = 0; table < 200; table++) {
      let share: Uint8Array = whole;
      for (const field of Object.keys(FIELDS) as Field[]) {
        if (random.chance(0.4)) continue;
        const value = random.pick([
          () => BigInt(random.integer(0, whole.length + 40)),
          () => BigInt(32 * random.integer(0, 45)),
          () => BigInt(random.integer(0, 2 ** 32 - 1)),
          () => (1n << BigInt(random.integer(0, 63))) - BigInt(random.integer(0, 2)),
        ])();
        share = changeField(share, field, () => value);
      }
      const what = `table ${table}`;
      expect(await readChanged(share, [0, 1, 2, 3], what), what).toBe("none");
      expect(["none", "NOT_ENOUGH_SHARES"]).toContain(await readChanged(share, [0, 1, 2], what));
    }
  });
});

it("V-6 random ranges, segment sizes and guesses of them: always the same bytes", { timeout: 60_000 }, async () => {
  const random = new Random(6);
  for (let trial = 0; trial < 150; trial++) {
    const grid = new SimulatedGrid(5, {
      segmentSizeGuesses: [random.integer(1, 4000)],
      smallShareBytes: random.pick([0, 32768]),
      gapBytes: random.pick([0, 100]),
    });
    const bytes = patternBytes(random.integer(56, 3000), trial + 1);
    const { node } = await grid.put(bytes, {
      ...F1,
      maxSegmentSize: random.integer(20, 700),
      version: random.pick([1, 2]),
    });
    for (let read = 0; read < 4; read++) {
      const offset = random.integer(0, bytes.length + 3);
      const length = random.integer(0, bytes.length);
      const got = await bytesOf(grid, node, { offset, length });
      expect(Buffer.compare(got, bytes.subarray(offset, offset + length)), `trial ${trial}: ${offset}, ${length}`).toBe(
        0,
      );
    }
  }
});
