import { beforeEach, expect, it } from "vitest";
import type { LogEvent } from "../base/EventLog.ts";
import { encodeShares } from "../files/testing/encodeShares.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { F1 } from "../files/testing/scenario.ts";
import { decryptCtr, importCtrKey } from "../hashing/ctr.ts";
import { ChkDownload } from "./ChkDownload.ts";
import { contextFor } from "./testing/contextFor.ts";

beforeEach(() => installSynchronousCrypto());

const never = new AbortController().signal;
const plaintext = patternBytes(310);
const copy = async (ciphertext: Uint8Array) => ciphertext.slice();

async function f1(size = 310): Promise<{ grid: SimulatedGrid; download: ChkDownload; ciphertext: Uint8Array }> {
  const grid = new SimulatedGrid(10);
  const { cap, storageIndexText } = await grid.put(plaintext.slice(0, size), F1);
  const ciphertext = await decryptCtr(await importCtrKey(cap.key), 0, plaintext.slice(0, size));
  return { grid, download: entered(new ChkDownload(cap, contextFor(grid, storageIndexText))), ciphertext };
}

/** With a reader in it, who stays. */
function entered(download: ChkDownload): ChkDownload {
  download.enter();
  return download;
}

it("A-13 A-17 fetch one segment: verified ciphertext, at the place that the geometry says, and the time it took", async () => {
  const { grid, download, ciphertext } = await f1();
  const events: LogEvent[] = [];
  grid.log.listen((event) => events.push(event));
  const geometry = await grid.clock.runUntil(download.geometry(250, never));
  expect(geometry).toMatchObject({ segmentSize: 120, segmentCount: 3 });
  const bytes = await grid.clock.runUntil(download.segment(2, copy, never));
  expect(bytes).toEqual(ciphertext.slice(2 * geometry.segmentSize));
  expect(bytes).not.toEqual(plaintext.slice(240));
  expect(events.find(({ kind }) => kind === "segment.done")?.fields).toMatchObject({ segment: 2 });
});

it.each([1, -1, 0.5])("A-14 segment %f of a file of one is refused, and harms no other", async (segment) => {
  const { grid, download, ciphertext } = await f1(100);
  await grid.clock.runUntil(download.geometry(0, never));
  const wrong = download.segment(segment, copy, never);
  const right = download.segment(0, copy, never);
  await expect(grid.clock.runUntil(wrong)).rejects.toMatchObject({
    code: "INTERNAL",
    details: { reason: `segment ${segment} in a file of 1 segments` },
  });
  expect(await grid.clock.runUntil(right)).toEqual(ciphertext);
});

it("A-15 asking for the segment size of a file without shares fails as a read does", async () => {
  const grid = new SimulatedGrid(10);
  const { cap, storageIndexText } = await encodeShares(plaintext, F1);
  const download = entered(new ChkDownload(cap, contextFor(grid, storageIndexText)));
  await expect(grid.clock.runUntil(download.geometry(0, never))).rejects.toMatchObject({
    code: "NOT_ENOUGH_SHARES",
    details: { needed: 3, found: 0 },
  });
  expect(grid.clock.now()).toBeLessThan(100);
});

it("E-16 waiters on one segment: two get it, one that left hears nothing, one asks too far", async () => {
  const { grid, download, ciphertext } = await f1(100);
  await grid.clock.runUntil(download.geometry(0, never));
  const left = new AbortController();
  const [one, two, gone, wrong] = [never, never, left.signal, undefined].map((signal) =>
    download.segment(signal === undefined ? 1 : 0, copy, signal ?? never),
  ) as [Promise<Uint8Array>, Promise<Uint8Array>, Promise<Uint8Array>, Promise<Uint8Array>];
  const reason = new Error("left");
  left.abort(reason);
  const outcomes = await grid.clock.runUntil(Promise.allSettled([one, two, gone, wrong]));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  expect(await one).toEqual(ciphertext);
  expect(await two).toEqual(ciphertext);
  expect((outcomes[2] as PromiseRejectedResult).reason).toBe(reason);
  expect((outcomes[3] as PromiseRejectedResult).reason).toMatchObject({ code: "INTERNAL" });
});

it("asks no server any more once its last reader has left, with whatever was under way", async () => {
  const grid = new SimulatedGrid(30);
  const { cap, storageIndexText } = await grid.put(plaintext, F1);
  const download = new ChkDownload(
    cap,
    contextFor(grid, storageIndexText, { lingerBytes: 0, smallShareBytes: 0, gapBytes: 0, segmentSizeGuesses: [120] }),
  );
  const leave = download.enter();
  await grid.clock.runUntil(download.geometry(0, never));
  // So that more shares are sought, and more servers than are asked at once could have them.
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { hangsOnRead: true, hangsOnList: true });
  const left = new AbortController();
  const segments = [0, 1, 2].map((segment) => download.segment(segment, copy, left.signal));
  await grid.clock.run(1_000);
  const { lists } = grid.requests;
  left.abort();
  leave();
  await Promise.allSettled(segments);
  await grid.clock.run(0);
  expect([grid.requests.lists - lists, grid.inFlight, grid.pendingTimers]).toEqual([0, 0, 0]);
});
