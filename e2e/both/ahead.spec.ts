import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { formatCap } from "../../src/formats/formatCap.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import { total } from "../testing/total.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const MB = 1_000_000;

let app: AppServer;
test.beforeEach(async ({ demo, tab }) => {
  app = await startClientApp(demo, await mkdtemp(join(demo.folder, "ahead-")));
  await openClientTab(tab, app);
});
test.afterEach(() => app.close().catch(() => undefined));

test("what was fetched ahead is there with all servers gone", async ({ tab, demo }) => {
  const cap = formatCap(await demo.placeLarge(20 * MB, 81));
  expect(await tab.evaluate((cap) => window.grid.prefetch(cap, { offset: 9_000_000, length: 700_000 }), cap)).toBe(
    true,
  );
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  const read = await tab.evaluate(async (cap) => {
    const answer = await fetch(window.grid.url(cap), { headers: { Range: "bytes=9000000-9699999" } });
    return [answer.status, (await answer.arrayBuffer()).byteLength];
  }, cap);
  expect(read).toEqual([206, 700_000]);
});

test("a read goes first: meanwhile little of what is kept offline is fetched, and afterwards all of it", async ({
  tab,
  demo,
}) => {
  const [kept, read] = [await demo.placeLarge(16 * MB, 82), await demo.placeLarge(12 * MB, 83)].map(formatCap);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 1 * MB });
  demo.grid.reset();
  const bytes = await tab.evaluate(
    async ([kept, read]) => {
      // The read has begun when the keeping does, and ends before it.
      const answer = await fetch(window.grid.url(read as string));
      const body = answer.arrayBuffer();
      await window.grid.keep(kept as string);
      return (await body).byteLength;
    },
    [kept, read] as const,
  );
  expect(bytes).toBe(12 * MB);
  // Its opening, what a pause of the reader's lets through, and in WebKit what comes while the page still takes in what the worker has handed on.
  expect(total(demo, "bytesSent")).toBeLessThan(12 * MB + 10 * MB);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 0 });
  const isKept = () => tab.evaluate(async (cap) => (await window.grid.keepOf(cap as string))?.state, kept);
  await expect.poll(isKept, { timeout: 60_000 }).toBe("kept");
});
