import { beforeEach, describe, expect, it } from "vitest";
import type { ChkCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { goldenFiles } from "../formats/testing/golden.ts";
import { relayAsV2 } from "../formats/testing/relayAsV2.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, SimulatedGrid } from "./testing/SimulatedGrid.ts";

beforeEach(() => installSynchronousCrypto());

const readable = goldenFiles().filter((file) => file.shares.size >= file.needed);

describe.each([...readable, ...readable.map(relayAsV2)])("A-20 A-21 Q-03 V-8 a real uploader's file: $name", (file) => {
  const cap = parseCap(file.cap) as ChkCap;

  it("is read whole, and from the middle to the end", async () => {
    const grid = new SimulatedGrid(5);
    for (const [number, share] of file.shares) {
      grid.servers[number % 5]?.hold(storageIndexText(cap.storageIndex), number, share);
    }
    const node = grid.nodes.open(cap);
    const whole = await grid.clock.runUntil(collect(node.read()));
    expect(Buffer.compare(whole, file.plaintext())).toBe(0);
    const offset = Math.floor(file.size / 2) + 1;
    const rest = await grid.clock.runUntil(collect(node.read({ offset })));
    expect(Buffer.compare(rest, file.plaintext().subarray(offset))).toBe(0);
  });
});
