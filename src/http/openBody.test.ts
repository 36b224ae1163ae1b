import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FileNode } from "../files/FileNode.ts";
import { LiteralFile } from "../files/LiteralFile.ts";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { openBody } from "./openBody.ts";

beforeEach(() => installSynchronousCrypto());
afterEach(() => void vi.restoreAllMocks());

const bytes = patternBytes(1_000);
const LEFT = new DOMException("left", "AbortError");

describe("a body that is cancelled", () => {
  it("runs nothing of ours within the call, nor in the turn of the event loop that it belongs to, whichever file it is of", async () => {
    const grid = new SimulatedGrid(3);
    const { node } = await grid.put(bytes, { needed: 2, total: 3, maxSegmentSize: 100 });
    const files: FileNode[] = [node, new LiteralFile(bytes), new FakeFile(bytes)];
    for (const file of files) {
      const range = { offset: 0, length: bytes.length };
      const { stream } = await grid.clock.runUntil(openBody(file, range, new AbortController().signal, grid));
      const reader = stream.getReader();
      await grid.clock.runUntil(reader.read());
      const waiting = reader.read();
      const aborts = vi.spyOn(AbortController.prototype, "abort");
      const dispatches = vi.spyOn(EventTarget.prototype, "dispatchEvent");
      const cancels = vi.spyOn(ReadableStreamDefaultReader.prototype, "cancel");
      await ReadableStreamDefaultReader.prototype.cancel.call(reader, LEFT);
      expect(cancels).toHaveBeenCalledOnce();
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
      expect(aborts).not.toHaveBeenCalled();
      expect(dispatches).not.toHaveBeenCalled();
      expect(cancels).toHaveBeenCalledOnce();
      await grid.clock.run(0);
      expect(cancels).toHaveBeenCalledTimes(2);
      expect(grid.inFlight).toBe(0);
      expect(await waiting).toEqual({ done: true, value: undefined });
      vi.restoreAllMocks();
    }
  });

  it("ends as cancelled, and not as failed, with a piece on its way", async () => {
    const grid = new SimulatedGrid(3);
    const { node } = await grid.put(bytes, { needed: 2, total: 3, maxSegmentSize: 100 });
    const opening = openBody(node, { offset: 0, length: 500 }, new AbortController().signal, grid);
    const { stream, ended } = await grid.clock.runUntil(opening);
    const reader = stream.getReader();
    for (let i = 0; i < 2; i++) await grid.clock.runUntil(reader.read());
    void reader.read();
    await reader.cancel(LEFT);
    expect(await grid.clock.runUntil(ended)).toEqual({ how: "cancelled" });
    await grid.clock.run(0);
    expect(grid.pendingTimers).toBe(0);
  });
});

it("a body that nobody has asked for ends with its signal, and its read with it", async () => {
  const grid = new SimulatedGrid(3);
  const { node } = await grid.put(bytes, { needed: 2, total: 3, maxSegmentSize: 100 });
  for (const file of [node, new LiteralFile(bytes), new FakeFile(bytes)]) {
    const request = new AbortController();
    const opening = openBody(file, { offset: 0, length: 1_000 }, request.signal, grid);
    const { stream, ended } = await grid.clock.runUntil(opening);
    request.abort(LEFT);
    expect(await grid.clock.runUntil(ended)).toEqual({ how: "cancelled" });
    await expect(stream.getReader().read()).rejects.toBe(LEFT);
    await grid.clock.run(0);
    expect([grid.inFlight, grid.pendingTimers]).toEqual([0, 0]);
  }
});

it("a body that would be longer than was promised fails, and its read ends", async () => {
  const clock = new VirtualClock();
  const whole = new FakeFile(bytes);
  const file: FileNode = { size: bytes.length, read: () => whole.read() };
  const { stream, ended } = await openBody(file, { offset: 0, length: 150 }, new AbortController().signal, { clock });
  await expect(new Response(stream).arrayBuffer()).rejects.toMatchObject({ code: "INTERNAL" });
  expect(await ended).toMatchObject({ how: "failed" });
  await clock.run(0);
  expect(whole.cancels).toHaveLength(1);
  expect(whole.pulls).toBe(2);
});
