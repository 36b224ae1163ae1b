import { describe, expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import { makeGeometry } from "../formats/Geometry.ts";
import { ReadAhead } from "./ReadAhead.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
/** As a browser takes a body that nobody reads. */
const PIECE = 256 * KiB;

/** Segments come when they are let. */
function stage(segmentSize: number, range = { offset: 0, length: 512 * MiB }) {
  const geometry = makeGeometry({ size: 512 * MiB, segmentSize, needed: 1, total: 1 });
  const handle = new AbortController();
  const asked: number[] = [];
  const waiting: (() => void)[] = [];
  const fetch = (segment: number, signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      asked.push(segment);
      waiting.push(() => resolve(segment));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  const ahead = new ReadAhead(
    fetch,
    geometry,
    range,
    { limits: defaultLimits, health: { underWay: () => 0 } },
    handle.signal,
  );
  return {
    ahead,
    handle,
    asked,
    /** One round trip: all that was asked for comes. */
    async arrive(): Promise<void> {
      for (const come of waiting.splice(0)) come();
      await new Promise((resolve) => setTimeout(resolve));
    },
    get bytesAsked(): number {
      return asked.length * segmentSize;
    },
  };
}

describe("a window", () => {
  for (const segmentSize of [128 * KiB, MiB]) {
    it(`stays at its first size for who takes two pieces and stops, in segments of ${segmentSize}`, async () => {
      const { ahead, arrive, asked } = stage(segmentSize);
      let taken = 0;
      while (taken < 2 * PIECE) {
        const next = ahead.next();
        // Each segment is waited for.
        await arrive();
        await next;
        for (let of = 0; of < segmentSize && taken < 2 * PIECE; of += Math.min(PIECE, segmentSize)) {
          taken += Math.min(PIECE, segmentSize);
          // The second one lies in the consumer's hands: it does not come back for a third.
          if (taken < 2 * PIECE) ahead.took(Math.min(PIECE, segmentSize));
        }
      }
      await arrive();
      expect(asked.length * segmentSize).toBe(MiB);
    });
  }

  it("asks for the next segment when a half of one was taken, not when all was", async () => {
    const { ahead, arrive, asked } = stage(MiB);
    void ahead.next();
    await arrive();
    ahead.took(PIECE);
    expect(asked).toEqual([0]);
    ahead.took(PIECE);
    expect(asked).toEqual([0, 1]);
  });

  it("is as wide as it may be after two waits of who takes all at once", async () => {
    const one = stage(MiB);
    for (let segment = 0; segment <= 5; segment++) {
      const next = one.ahead.next();
      if (one.asked.length === 1 || segment === 1 || segment === 5) await one.arrive();
      await next;
    }
    // The first, then four, then twenty, of which the one that was given last is one.
    expect(one.bytesAsked).toBeGreaterThanOrEqual(20 * MiB);
  });

  it("counts what is wanted of a first segment, not what lies before it", async () => {
    const { ahead, arrive, asked } = stage(MiB, { offset: 10 * MiB - 10, length: 100 * MiB });
    void ahead.next();
    await arrive();
    expect(asked).toEqual([9]);
    ahead.took(10);
    expect(asked).toEqual([9, 10]);
  });
});

describe("a signal", () => {
  it("that is aborted already lets nothing be asked for", async () => {
    const { ahead, handle, asked } = stage(MiB);
    const reason = new Error("left");
    handle.abort(reason);
    await expect(ahead.next()).rejects.toBe(reason);
    ahead.took(0);
    expect(asked).toEqual([]);
  });

  it("ends what is asked for, and nothing more is", async () => {
    const { ahead, handle, asked } = stage(MiB);
    const next = ahead.next();
    const reason = new Error("left");
    handle.abort(reason);
    await expect(next).rejects.toBe(reason);
    await expect(ahead.next()).rejects.toBe(reason);
    expect(asked).toEqual([0]);
  });
});
