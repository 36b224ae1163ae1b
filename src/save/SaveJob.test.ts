import "fake-indexeddb/auto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { WORKER_MARK } from "../base/workerMark.ts";
import { SaveJob } from "./SaveJob.ts";
import { type SaveRecord, SaveStore } from "./SaveStore.ts";
import { FakeDisk } from "./testing/FakeDisk.ts";

const MiB = 2 ** 20;
const URL = "https://app.example/grid/film";
const AWAY = new GridError("NOT_ENOUGH_SHARES", { needed: 3, found: 1, servers: [] }, "Servers are away.");
const never = new AbortController().signal;

let film: Uint8Array<ArrayBuffer>;
let etag: string;
/** From this byte on nothing can be read. */
let readable: number;
/** First bytes of what was asked for. */
let asked: number[];
let disk: FakeDisk;
let store: SaveStore;
let next = 0;

beforeEach(() => {
  film = bytesOf(5.5 * MiB, 1);
  etag = '"one"';
  readable = Number.POSITIVE_INFINITY;
  asked = [];
  disk = new FakeDisk();
  store = new SaveStore();
  vi.stubGlobal("fetch", answer);
});
afterEach(() => vi.unstubAllGlobals());

function bytesOf(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let at = 0, word = seed; at < words.length; at++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = word;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** The worker. */
async function answer(_url: string, { method, headers }: RequestInit): Promise<Response> {
  const mark = { [WORKER_MARK.name]: WORKER_MARK.value, ETag: etag };
  if (method === "HEAD")
    return new Response(null, { headers: { ...mark, "Accept-Ranges": "bytes", "Content-Length": `${film.length}` } });
  const wanted = new Headers(headers);
  if (wanted.get("If-Match") !== etag) return new Response(null, { status: 412, headers: mark });
  const [, first, last] = /bytes=(\d+)-(\d+)/.exec(wanted.get("Range") ?? "")!.map(Number) as [number, number, number];
  asked.push(first);
  if (first >= readable) return Response.json(toErrorRecord(AWAY), { status: 410, headers: mark });
  const end = Math.min(last + 1, readable);
  let at = first;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = film.slice(at, Math.min(at + 300_000, end));
      at += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      else if (end <= last) controller.error(new TypeError("cut"));
      else controller.close();
    },
  });
  return new Response(body, {
    status: 206,
    headers: { ...mark, "Content-Range": `bytes ${first}-${last}/${film.length}` },
  });
}

async function begin(): Promise<SaveRecord> {
  const id = `${next++}`;
  const facts = { id, name: disk.name, url: URL, size: film.length, etag, written: 0, addedAt: 0 };
  const record: SaveRecord = { ...facts, state: "saving", disk: undefined };
  await store.add(record);
  return record;
}

function jobOf({ id }: SaveRecord, tell: (written: number) => void = () => {}): SaveJob {
  return new SaveJob(id, disk.handle, store, tell);
}

describe("a save", () => {
  it("AA-01 is the file, and nothing of it is left in the browser's storage", async () => {
    const record = await begin();
    const told: number[] = [];
    await jobOf(record, (written) => told.push(written)).run(record, never);
    expectOnDisk(film);
    expect(told).toEqual([0, MiB, 2 * MiB, 3 * MiB, 4 * MiB, 5 * MiB, film.length]);
    expect(await store.digests(record.id)).toHaveLength(0);
  });

  it("AA-01 of an empty file is an empty file", async () => {
    film = new Uint8Array();
    disk.content = bytesOf(10, 3);
    const record = await begin();
    await jobOf(record).run(record, never);
    expect(disk.content).toHaveLength(0);
  });

  it("AA-02 has in its place what had come when the servers went, and goes on from there", async () => {
    const record = await begin();
    readable = 3 * MiB + 200_000;
    const job = jobOf(record);
    await expect(job.run(record, never)).rejects.toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    expectOnDisk(film.subarray(0, 3 * MiB));
    expect((await store.get(record.id))?.written).toBe(3 * MiB);
    readable = Number.POSITIVE_INFINITY;
    asked = [];
    await job.run(record, never);
    expect(asked[0]).toBe(3 * MiB);
    expectOnDisk(film);
  });

  it("AA-02 copies nothing while nothing comes", async () => {
    const record = await begin();
    readable = 3 * MiB;
    const job = jobOf(record);
    for (let tries = 0; tries < 4; tries++) await job.run(record, never).catch(() => undefined);
    expect(disk.copied).toBe(0);
    expect(disk.closings).toBe(1);
  });

  it("AA-02 that is paused puts what it has in its place", async () => {
    const record = await begin();
    const stop = new AbortController();
    const reason = new Error("paused");
    const job = jobOf(record, (written) => written >= 2 * MiB && stop.abort(reason));
    await expect(job.run(record, stop.signal)).rejects.toBe(reason);
    expectOnDisk(film.subarray(0, disk.content.length));
    expect(disk.content.length).toBeGreaterThanOrEqual(2 * MiB);
  });

  it("AA-03 after a restart goes on from what is on disk and is right", async () => {
    const record = await begin();
    readable = 5 * MiB;
    await jobOf(record)
      .run(record, never)
      .catch(() => undefined);
    readable = Number.POSITIVE_INFINITY;
    const kept = disk.content;
    const cases: [string, Uint8Array<ArrayBuffer>, number][] = [
      ["as it was", kept, 5 * MiB],
      ["shorter", kept.slice(0, 2 * MiB + 700_000), 2 * MiB],
      ["one bit is another", kept.with(3.5 * MiB, kept[3.5 * MiB]! ^ 1), 3 * MiB],
      ["longer", new Uint8Array([...kept.slice(0, MiB), ...bytesOf(7 * MiB, 9)]), MiB],
      ["gone", new Uint8Array(), 0],
    ];
    for (const [what, content, from] of cases) {
      disk.content = content;
      // The last round has ended with success, and forgotten them.
      await store.putDigests(record.id, 0, await digests(kept));
      asked = [];
      await jobOf(record).run(record, never);
      expect(asked[0], what).toBe(from);
      expectOnDisk(film);
    }
  });

  it("AA-03 reads nothing again where only its last word was lost", async () => {
    const record = await begin();
    await jobOf(record).run(record, never);
    await store.putDigests(record.id, 0, await digests(film));
    asked = [];
    await jobOf(record).run(record, never);
    expect(asked).toEqual([]);
    expectOnDisk(film);
  });

  it("AA-04 of a file that was overwritten meanwhile is the new one, from its start", async () => {
    const record = await begin();
    readable = 4 * MiB;
    const job = jobOf(record);
    await job.run(record, never).catch(() => undefined);
    [film, etag, readable] = [bytesOf(film.length, 2), '"two"', Number.POSITIVE_INFINITY];
    await job.run((await store.get(record.id))!, never);
    expectOnDisk(film);
    expect(await store.get(record.id)).toMatchObject({ etag: '"two"' });
  });

  it("AA-05 says what the disk says", async () => {
    const record = await begin();
    disk.fault = new DOMException("", "QuotaExceededError");
    await expect(jobOf(record).run(record, never)).rejects.toMatchObject({ code: "STORE_FULL" });
    disk.fault = new DOMException("", "NotFoundError");
    await expect(jobOf(record).run(record, never)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: "The chosen file cannot be written: it, or its folder, is no longer there; save it anew.",
    });
  });

  it("AA-01 puts what it has in its place after 64 MiB, then after as much again", async () => {
    film = bytesOf(200 * MiB, 5);
    const record = await begin();
    const job = jobOf(record);
    readable = 190 * MiB;
    await job.run(record, never).catch(() => undefined);
    // After 64, 128, and what came.
    expect([disk.closings, disk.copied]).toEqual([3, 192 * MiB]);
    expect(disk.content).toHaveLength(190 * MiB);
  });
});

it("AA-06 whatever breaks, and whenever, a save that ends well is the file", async () => {
  const fault = fc.oneof(
    fc.record({ kind: fc.constant("servers" as const), at: fc.integer({ min: 0, max: 6 * MiB }) }),
    fc.record({ kind: fc.constant("crash" as const), at: fc.integer({ min: 0, max: 6 * MiB }) }),
    fc.record({ kind: fc.constant("bit" as const), at: fc.integer({ min: 0, max: 6 * MiB }) }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.integer({ min: 0, max: 6 * MiB }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 6 }), fc.integer({ min: 0, max: 5 * MiB }), async (faults, size) => {
      film = bytesOf(size, 7);
      disk = new FakeDisk();
      readable = Number.POSITIVE_INFINITY;
      const record = await begin();
      let job = jobOf(record);
      for (const { kind, at } of faults) {
        readable = kind === "servers" || kind === "crash" ? at : Number.POSITIVE_INFINITY;
        if (kind === "crash") disk.fault = undefined;
        // What was written and not put in its place is lost.
        const closing = kind === "crash" ? disk.content : undefined;
        if (kind === "servers" || kind === "crash") await job.run(record, never).catch(() => undefined);
        if (closing) disk.content = closing;
        if (kind === "bit" && at < disk.content.length) disk.content[at]! ^= 4;
        if (kind === "cut") disk.content = disk.content.slice(0, at);
        if (kind !== "servers") job = jobOf(record);
      }
      readable = Number.POSITIVE_INFINITY;
      await job.run(record, never);
      expectOnDisk(film);
    }),
    { numRuns: 40 },
  );
});

/** The runner's own comparison takes a minute for some megabytes. */
function expectOnDisk(bytes: Uint8Array): void {
  expect(disk.content.length).toBe(bytes.length);
  expect(Buffer.compare(disk.content, bytes)).toBe(0);
}

/** As a job puts them there. */
async function digests(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; at += MiB)
    parts.push(...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice(at, at + MiB))));
  return new Uint8Array(parts);
}
