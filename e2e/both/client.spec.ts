import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatCap } from "../../src/formats/formatCap.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import { sha256 } from "../testing/inPage.ts";
import { makeFile } from "../testing/makeFile.ts";
import { total } from "../testing/total.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const NAME = "gridfetch-sample.webm";
const content = readFileSync(fileURLToPath(new URL(`../../src/node/demo/samples/${NAME}`, import.meta.url)));

let app: AppServer;
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "client-app"));
});
test.afterAll(() => app.close());
test.beforeEach(({ tab }) => openClientTab(tab, app));

test.describe("a file that a page opens", () => {
  test("is read by any range, exactly", async ({ tab, demo }) => {
    const read = await tab.evaluate(
      async (cap, size) => {
        const file = await window.grid.open(cap);
        const ranges = [
          { length: 4 },
          { offset: 1_000_000, length: 1_000 },
          { offset: size - 5 },
          { offset: size - 5, length: 500 },
          { offset: size, length: 5 },
          { offset: 7, length: 0 },
        ];
        const parts = [];
        for (const range of ranges) parts.push([...(await file.bytes(range))]);
        return { size: file.size, parts };
      },
      demo.sample(NAME).cap,
      content.length,
    );
    expect(read.size).toBe(content.length);
    const slice = (from: number, to?: number) => [...content.subarray(from, to)];
    const tail = slice(content.length - 5);
    expect(read.parts).toEqual([slice(0, 4), slice(1_000_000, 1_001_000), tail, tail, [], []]);
  });

  test("fails with the worker's own code and details, and with the signal's reason", async ({ tab, demo }) => {
    for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
    const cap = demo.sample(NAME).cap;
    const failures = await tab.evaluate(async (cap) => {
      const { isGridError } = window.client;
      const told = (error: unknown) => (isGridError(error) ? [error.code, error.details] : String(error));
      const file = await window.grid.open(cap);
      const stop = AbortSignal.abort(new Error("changed my mind"));
      return [
        await file.bytes({ length: 10 }).catch(told),
        await window.grid.open("URI:CHK:nonsense").catch(told),
        await file.bytes({ signal: stop }).catch(told),
      ];
    }, cap);
    expect(failures[0]).toEqual(["NOT_ENOUGH_SHARES", expect.objectContaining({ needed: 3, found: 0 })]);
    expect(failures[1]).toEqual(["BAD_CAP", expect.anything()]);
    expect(failures[2]).toBe("Error: changed my mind");
    expect(JSON.stringify(failures)).not.toContain(cap.split(":")[2]);
  });
});

test("of a stream that nobody reads on, a bounded part is fetched, and the rest when it is read", async ({
  tab,
  demo,
}) => {
  const cap = formatCap(await demo.placeLarge(60_000_000, 4));
  await tab.evaluate(async (cap) => {
    const reader = (await window.grid.open(cap)).read().getReader();
    const { value } = await reader.read();
    Object.assign(window, { reader, taken: value?.length });
  }, cap);
  const sentInASecond = async () => {
    const before = total(demo, "bytesSent");
    await pause(1_000);
    return total(demo, "bytesSent") - before;
  };
  await expect.poll(sentInASecond).toBe(0);
  expect(total(demo, "bytesSent")).toBeLessThan(25_000_000);
  const length = await tab.evaluate(async () => {
    const { reader, taken } = window as unknown as {
      reader: ReadableStreamDefaultReader<Uint8Array>;
      taken: number;
    };
    let length = taken;
    for (let read = await reader.read(); !read.done; read = await reader.read()) length += read.value.length;
    return length;
  });
  expect(length).toBe(60_000_000);
});

test.describe("where the browser ends the worker in the middle", () => {
  // Firefox cannot be told to; with this it does so whenever nothing has happened for a second.
  test.use({
    choices: {
      firefoxPreferences: {
        "dom.serviceWorkers.idle_timeout": 1_000,
        "dom.serviceWorkers.idle_extended_timeout": 1_000,
      },
    },
  });

  test("a read goes on to its last byte", async ({ browserUnderTest, tab, demo }) => {
    const path = join(demo.folder, "resumed.bin");
    const hash = await makeFile(path, 12_000_000);
    const cap = await demo.put(path);
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 600_000 });
    const reading = tab.evaluate(async (cap) => {
      const file = await window.grid.open(cap);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.bytes()));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    }, cap);
    for (let i = 1; i <= 2; i++) {
      await expect
        .poll(() => demo.grid.status().reduce((sum, { counters }) => sum + counters.bytesSent, 0))
        .toBeGreaterThan(i * 4_000_000);
      if (browserUnderTest.kind === "chromium") await browserUnderTest.stopWorkers(tab);
    }
    demo.grid.reset();
    expect(await reading).toBe(hash);
  });
});

test("every tab hears what becomes of each read, and never a cap", async ({ browserUnderTest, tab, demo }) => {
  const other = await browserUnderTest.newTab();
  await openClientTab(other, app);
  const { cap } = demo.sample(NAME);
  for (const page of [tab, other]) {
    await page.evaluate(() => {
      const heard: unknown[] = [];
      Object.assign(window, { heard });
      const listen = async () => {
        for await (const event of window.grid.reads()) heard.push(event);
      };
      void listen();
    });
  }
  // Larger than what an engine takes without being asked: WebKit takes a film of 2 MB before it can be told to stop.
  const large = formatCap(await demo.placeLarge(200_000_000, 3));
  const url = await tab.evaluate(
    async (cap, large) => {
      const url = window.grid.url(cap, { filename: "film.webm" });
      await (await fetch(url)).arrayBuffer();
      const { body } = await fetch(window.grid.url(large));
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
      return url;
    },
    cap,
    large,
  );
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  await tab.evaluate(async (cap) => void (await fetch(window.grid.url(cap))), demo.sample("melody.mp3").cap);
  for (const page of [tab, other]) {
    const heard = () => page.evaluate(() => (window as unknown as { heard: Heard[] }).heard);
    await expect.poll(async () => (await heard()).at(-1)?.type).toBe("failed");
    const events = (await heard()).filter(({ type }) => type !== "progress");
    expect(events.map(({ type }) => type)).toEqual(["started", "finished", "started", "cancelled", "failed"]);
    expect(events[0]).toMatchObject({ url, offset: 0, length: content.length });
    expect(events[1]).toMatchObject({ id: events[0]?.id, url, delivered: content.length });
    expect(events[2]?.id).not.toBe(events[0]?.id);
    expect(events.at(-1)).toMatchObject({ error: { code: "NOT_ENOUGH_SHARES" } });
    expect(JSON.stringify(events)).not.toMatch(/URI|[a-z2-7]{26}/);
  }
});

interface Heard {
  readonly type: string;
  readonly id: string;
}

test("a page whose file was read has the very bytes", async ({ tab, demo }) => {
  const hash = await tab.evaluate(async (cap) => {
    const bytes = await (await window.grid.open(cap)).bytes();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }, demo.sample(NAME).cap);
  expect(hash).toBe(sha256(content));
});
