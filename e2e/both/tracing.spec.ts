import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TraceEvent } from "../../src/client/index.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import { makeFile } from "../testing/makeFile.ts";

declare const window: ClientWindow & typeof globalThis;

let folder: string;
let app: AppServer;
test.beforeEach(async ({ demo }) => {
  folder = await mkdtemp(join(demo.folder, "tracing-"));
  await placeClientApp(folder);
});
test.afterEach(() => app.close().catch(() => undefined));

test("where it is asked for, each answer says where its time went, and is taken for the worker's", async ({
  tab,
  demo,
}) => {
  const index = join(folder, "index.html");
  const page = await readFile(index, "utf8");
  await writeFile(index, page.replace("connect()", 'connect({ workerUrl: "/gridfetch-worker.js?timing" })'));
  app = await serveClientApp(demo, folder);
  await openClientTab(tab, app);
  const { cap } = demo.sample("gridfetch-sample.webm");
  const [header, length, entries] = await tab.evaluate(async (cap) => {
    const answer = await fetch(window.grid.url(cap, { filename: "film.webm" }), { headers: { Range: "bytes=0-99" } });
    const bytes = await (await window.grid.open(cap)).bytes({ offset: 1_000_000, length: 1_000 });
    const timings = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const names = timings.flatMap(({ serverTiming }) => (serverTiming ?? []).map(({ name }) => name));
    return [answer.headers.get("Server-Timing"), bytes.length, names] as const;
  }, cap);
  expect(header).toMatch(/^gridfetch, .*total;dur=[\d.]+, queries;desc="\d+", requests;desc="\d+"$/);
  expect(length).toBe(1_000);
  expect(entries).toContain("total");
});

test("a trace has every step of a request, from the answer to the servers, and no secret", async ({ tab, demo }) => {
  app = await serveClientApp(demo, folder);
  await openClientTab(tab, app);
  const path = join(folder, "hidden-name.bin");
  await makeFile(path, 3_000_000);
  const cap = await demo.put(path);
  const secret = "planted-swissnum-0123456789";
  const events: TraceEvent[] = await tab.evaluate(
    async (cap, secret) => {
      const stop = new AbortController();
      const events: TraceEvent[] = [];
      const tracing = (async () => {
        for await (const event of window.grid.trace({ signal: stop.signal })) events.push(event);
      })();
      // Until the worker listens.
      while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await window.grid.configure({ secrets: { "v0-nobody": secret } });
      const url = window.grid.url(cap, { filename: "hidden-name.bin" });
      await (await fetch(url, { headers: { Range: "bytes=1000000-1999999" } })).arrayBuffer();
      while (!events.some(({ kind }) => kind === "answer.finished"))
        await new Promise((resolve) => setTimeout(resolve, 20));
      stop.abort();
      await tracing;
      return events;
    },
    cap,
    secret,
  );
  const first = (kind: string) => events.find((event) => event.kind === kind);
  const answer = first("answer.start");
  expect(answer?.fields).toEqual({ destination: "", range: "bytes=1000000-1999999" });
  expect(first("answer.status")?.fields).toEqual({ status: 206 });
  expect(first("answer.finished")?.fields).toEqual({ bytes: 1_000_000 });
  expect(first("read.start")?.fields).toEqual({ offset: 1_000_000, length: 1_000_000, asker: answer?.scope });
  for (const kind of ["query.done", "opening.done", "segment.done", "request.done", "read.end"])
    expect(first(kind), kind).toBeDefined();
  expect(Math.abs((answer?.wallAt ?? 0) - Date.now())).toBeLessThan(60_000);
  const text = JSON.stringify(events);
  for (const part of [...cap.split(":").slice(2, 4), "hidden-name", secret, btoa(secret)])
    expect(text).not.toContain(part);
});
