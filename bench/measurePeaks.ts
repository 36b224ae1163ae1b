import type { BenchBrowser } from "./BenchBrowser.ts";

const MiB = 1024 * 1024;
const SAMPLE_EVERY_MS = 50;

/** Above idle, in MiB. */
export interface Peaks {
  /** What the worker holds on to. The kernel's memory is not in it: that is there while the worker is idle, too. */
  readonly live: number;
  /** What the process has for itself: the page's garbage, which is not collected, and the allocators' stores, too. */
  readonly anonymous: number;
  /** How often was looked. */
  readonly samples: number;
}

/** The peaks of a browser's worker and of its process while `work` is done. */
export async function measurePeaks(browser: BenchBrowser, work: () => Promise<unknown>): Promise<Peaks> {
  const anonymous = await browser.renderers();
  const worker = await browser.inspectWorker();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const idle = { live: await worker.liveBytes(), anonymous: await anonymous() };
  const peak = { ...idle };
  let samples = 0;
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      // Each sample waits for the one before: a collection takes longer than the time between two.
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
      peak.anonymous = Math.max(peak.anonymous, await anonymous());
      peak.live = Math.max(peak.live, await worker.liveBytes());
      samples++;
    }
  })();
  await Promise.all([
    work().finally(() => {
      isOver = true;
    }),
    sampling,
  ]);
  await worker.detach();
  return { live: (peak.live - idle.live) / MiB, anonymous: (peak.anonymous - idle.anonymous) / MiB, samples };
}
