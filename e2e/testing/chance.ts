import { randomInt } from "node:crypto";
import type { Page } from "puppeteer-core";
import type { BrowserUnderTest } from "./BrowserUnderTest.ts";
import { seededRandom } from "./seededRandom.ts";

/** Firefox cannot be told to end a worker. With this it does so a second after the last word from a page, streams or not. */
export const SHORT_LIVES = {
  firefoxPreferences: {
    "dom.serviceWorkers.idle_timeout": 1_000,
    "dom.serviceWorkers.idle_extended_timeout": 1_000,
  },
};

/** Random numbers for a test. A failure names the seed: run again with GRIDFETCH_SEED set to it. */
export async function withChance(body: (random: () => number) => Promise<void>): Promise<void> {
  const seed = Number(process.env.GRIDFETCH_SEED ?? randomInt(2 ** 31));
  try {
    await body(seededRandom(seed));
  } catch (error) {
    throw new Error(`With GRIDFETCH_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/**
 * Ends the worker at random moments, `least` to `most` milliseconds apart, until the work is done. In Firefox it is ended
 * by `SHORT_LIVES`.
 */
export async function amidWorkerDeaths<T>(
  browser: BrowserUnderTest,
  tab: Page,
  work: Promise<T>,
  random: () => number,
  [least, most] = [300, 1_500],
): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  const settled = done.then(
    () => undefined,
    () => undefined,
  );
  while (!isDone && browser.kind === "chromium") {
    await Promise.race([settled, pause(least + random() * (most - least))]);
    if (!isDone) await browser.stopWorkers(tab);
  }
  return done;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
