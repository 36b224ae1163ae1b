import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { toStream } from "./toStream.ts";
import { unlessAborted } from "./wait.ts";

const gone = new Error("gone");

/** Pieces 1, 2, 3, and what became of whoever makes them. */
function counting() {
  const seen = { begun: 0, ended: 0, own: undefined as AbortSignal | undefined };
  async function* pieces(own: AbortSignal): AsyncGenerator<number, void> {
    seen.own = own;
    seen.begun++;
    try {
      yield 1;
      yield 2;
      yield 3;
    } finally {
      seen.ended++;
    }
  }
  return { seen, pieces };
}

it("makes a piece for each pull, and leaves nothing on the signal when it has ended", async () => {
  const { seen, pieces } = counting();
  const { signal } = new AbortController();
  const stream = toStream(pieces, signal);
  await Promise.resolve();
  expect(seen.begun).toBe(0);
  const read: number[] = [];
  for await (const piece of stream) read.push(piece);
  expect(read).toEqual([1, 2, 3]);
  expect([seen.ended, getEventListeners(signal, "abort").length]).toEqual([1, 0]);
});

it("errors at once, and makes nothing, for a signal that is aborted already", async () => {
  const { seen, pieces } = counting();
  const signal = AbortSignal.abort(gone);
  const reader = toStream(pieces, signal).getReader();
  await expect(reader.closed).rejects.toBe(gone);
  await expect(reader.read()).rejects.toBe(gone);
  expect([seen.begun, getEventListeners(signal, "abort").length]).toEqual([0, 0]);
});

it("errors while nobody pulls, and ends the work", async () => {
  const { seen, pieces } = counting();
  const controller = new AbortController();
  const reader = toStream(pieces, controller.signal).getReader();
  await reader.read();
  controller.abort(gone);
  await expect(reader.closed).rejects.toBe(gone);
  expect([seen.ended, seen.own?.reason]).toEqual([1, gone]);
});

it("errors in the middle of a pull", async () => {
  const controller = new AbortController();
  async function* pieces(own: AbortSignal): AsyncGenerator<number, void> {
    await unlessAborted(new Promise(() => {}), own);
    yield 1;
  }
  const reading = toStream(pieces, controller.signal).getReader().read();
  await Promise.resolve();
  controller.abort(gone);
  await expect(reading).rejects.toBe(gone);
});

it("a consumer who cancels ends the work before that resolves, and leaves nothing on the signal", async () => {
  const { seen, pieces } = counting();
  const { signal } = new AbortController();
  const reader = toStream(pieces, signal).getReader();
  await reader.read();
  await reader.cancel(gone);
  expect([seen.ended, seen.own?.reason, getEventListeners(signal, "abort").length]).toEqual([1, gone, 0]);
});

it("a failure errors the stream, and whatever was begun for the next piece is called off", async () => {
  let own: AbortSignal | undefined;
  async function* pieces(given: AbortSignal): AsyncGenerator<number, void> {
    own = given;
    yield 1;
    throw gone;
  }
  const reader = toStream(pieces, undefined).getReader();
  await reader.read();
  await expect(reader.read()).rejects.toBe(gone);
  expect(own?.aborted).toBe(true);
});
