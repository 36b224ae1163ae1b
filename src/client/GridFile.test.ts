import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { WORKER_MARK } from "../base/workerMark.ts";
import { GridFile } from "./GridFile.ts";

const URL_OF_FILE = "https://app.example/grid/AAAAAAAAAAAAAAAAAAAAAA";
const content = Uint8Array.from({ length: 100 }, (_, i) => i);
const PAGE = "<!doctype html><title>The app</title>".padEnd(100);
const gone = new GridError("UNKNOWN_HANDLE", {}, "This URL is not known here.");
const mark = { [WORKER_MARK.name]: WORKER_MARK.value };

afterEach(() => vi.unstubAllGlobals());

/** Answers as a static web server does: with ranges of what it has, whatever the URL. */
function serve(body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string>): void {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  vi.stubGlobal("fetch", async (_: string, { method, headers: asked }: { method?: string; headers: HeadersInit }) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(asked).get("Range") ?? "") ?? [];
    const all = { ...headers, "Accept-Ranges": "bytes" };
    if (method === "HEAD") return new Response(null, { headers: { ...all, "Content-Length": String(bytes.length) } });
    if (from === undefined) return new Response(bytes, { headers: all });
    const range = `bytes ${from}-${to}/${bytes.length}`;
    const part = bytes.slice(Number(from), Number(to) + 1);
    return new Response(part, { status: 206, headers: { ...all, "Content-Range": range } });
  });
}

it("reads what the worker answers", async () => {
  serve(content, mark);
  const file = await GridFile.open(URL_OF_FILE);
  expect(file.size).toBe(100);
  expect(await file.bytes({ offset: 10, length: 5 })).toEqual(content.slice(10, 15));
});

it("says so, and asks nothing, where a part is longer than any array", async () => {
  const size = 2 ** 52;
  const headers = { ...mark, "Accept-Ranges": "bytes", "Content-Length": String(size) };
  const asked = vi.fn(async () => new Response(null, { headers }));
  vi.stubGlobal("fetch", asked);
  const file = await GridFile.open(URL_OF_FILE);
  await expect(file.bytes()).rejects.toMatchObject({ code: "BAD_ARGUMENT", details: { argument: "length" } });
  expect(asked).toHaveBeenCalledOnce();
});

describe("a worker that does not answer as it should", () => {
  const open = async () => {
    serve(content, mark);
    return GridFile.open(URL_OF_FILE);
  };
  const lost = (words: RegExp) => ({
    code: "NO_WORKER",
    details: { reason: "lost" },
    message: expect.stringMatching(words),
  });

  it("with more than it said gives nothing wrong", async () => {
    const file = await open();
    const headers = { ...mark, "Content-Range": "bytes 0-4/100" };
    vi.stubGlobal("fetch", async () => new Response(content.slice(0, 6), { status: 206, headers }));
    await expect(file.bytes({ length: 5 })).rejects.toMatchObject(lost(/longer than it said/));
  });

  it("but breaks off again and again is asked three times", async () => {
    const file = await open();
    const ranges: (string | null)[] = [];
    const broken = (range: string | null) => ({ ...mark, "Content-Range": `${range?.replace("=", " ")}/100` });
    vi.stubGlobal("fetch", async (_: string, { headers }: RequestInit) => {
      const range = new Headers(headers).get("Range");
      ranges.push(range);
      return new Response(new Uint8Array(0), { status: 206, headers: broken(range) });
    });
    await expect(file.bytes({ length: 5 })).rejects.toMatchObject(lost(/broke off again and again/));
    expect(ranges).toEqual(["bytes=0-4", "bytes=0-0", "bytes=0-0"]);
  });

  it.each([
    [
      "in words of its own, which are passed on",
      () => Response.json(toErrorRecord(gone), { status: 410, headers: mark }),
      gone,
    ],
    ["in no words", () => new Response("?", { status: 500, headers: mark }), lost(/HTTP 500/)],
  ])("but with an error %s", async (_, answer, expected) => {
    // To HEAD it can say nothing but that.
    vi.stubGlobal("fetch", async (_: string, { method }: RequestInit) =>
      method === "HEAD" ? new Response(null, { status: answer().status, headers: mark }) : answer(),
    );
    const error = await GridFile.open(URL_OF_FILE).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: expected.code, message: expected.message });
  });
});

describe("takes no web server's page for a file", () => {
  it("when it is opened", async () => {
    serve(PAGE, {});
    await expect(GridFile.open(URL_OF_FILE)).rejects.toMatchObject({ code: "NO_WORKER", details: { reason: "lost" } });
  });

  it("when it is read later, though the page is as long and the range as it was asked for", async () => {
    serve(content, mark);
    const file = await GridFile.open(URL_OF_FILE);
    serve(PAGE, {});
    await expect(file.bytes({ length: 10 })).rejects.toMatchObject({ code: "NO_WORKER", details: { reason: "lost" } });
  });

  it("nor its error for the worker's", async () => {
    const foreign = new GridError("BAD_CAP", { reason: "made up" }, "made up");
    vi.stubGlobal("fetch", async () => Response.json(toErrorRecord(foreign), { status: 400 }));
    await expect(GridFile.open(URL_OF_FILE)).rejects.toMatchObject({ code: "NO_WORKER" });
  });
});

describe("of a file that is overwritten", () => {
  let version = "1";

  beforeEach(() => {
    version = "1";
    // Each answer breaks off after half of what was asked for.
    vi.stubGlobal("fetch", async (_: string, { method, headers }: { method?: string; headers: HeadersInit }) => {
      const asked = new Headers(headers);
      const tag = `"file-${version}"`;
      if ((asked.get("If-Match") ?? tag) !== tag) return new Response("no", { status: 412, headers: mark });
      const facts = { ...mark, ETag: tag, "Accept-Ranges": "bytes", "Content-Length": "10" };
      if (method === "HEAD") return new Response(null, { headers: facts });
      const [, from, to] = (/bytes=(\d+)-(\d+)/.exec(asked.get("Range") as string) ?? []).map(Number) as number[];
      const half = new Uint8Array(Math.ceil((to! - from! + 1) / 2)).fill(Number(version));
      return new Response(half, { status: 206, headers: { ...facts, "Content-Range": `bytes ${from}-${to}/10` } });
    });
  });

  it("reads on after a break while it is the same version", async () => {
    const file = await GridFile.open(URL_OF_FILE);
    expect(await file.bytes()).toEqual(new Uint8Array(10).fill(1));
  });

  it("never puts the bytes of two versions together", async () => {
    const file = await GridFile.open(URL_OF_FILE);
    const reader = file.read().getReader();
    expect((await reader.read()).value).toHaveLength(5);
    version = "2";
    await expect(reader.read()).rejects.toMatchObject({ code: "FILE_CHANGED" });
    await expect(file.bytes()).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(await (await GridFile.open(URL_OF_FILE)).bytes()).toEqual(new Uint8Array(10).fill(2));
  });
});

it("tells why a long part cannot be read, also where its answer merely breaks off, as in WebKit", async () => {
  const reason = new GridError("OFFLINE", {}, "no network");
  const size = 50_000_000;
  vi.stubGlobal("fetch", async (_: string, { method, headers }: { method?: string; headers: HeadersInit }) => {
    const facts = { ...mark, "Accept-Ranges": "bytes", "Content-Length": String(size) };
    if (method === "HEAD") return new Response(null, { headers: facts });
    const [, from, to] = (/bytes=(\d+)-(\d+)/.exec(new Headers(headers).get("Range") as string) ?? []).map(Number);
    if (to! - from! < 4 * 2 ** 20) return Response.json(toErrorRecord(reason), { status: 503, headers: mark });
    const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError("lost")) });
    return new Response(broken, { status: 206, headers: { ...facts, "Content-Range": `bytes ${from}-${to}/${size}` } });
  });
  const file = await GridFile.open(URL_OF_FILE);
  await expect(file.bytes()).rejects.toMatchObject({ code: reason.code });
});

describe("a long read", () => {
  const MiB = 2 ** 20;
  const size = 50 * MiB;
  const reason = new GridError("OFFLINE", {}, "no network");
  let asked: string[];
  /** Of the requests, by their order. */
  let failing: number[];

  beforeEach(() => {
    asked = [];
    failing = [];
    vi.stubGlobal("fetch", async (_: string, { method, headers }: { method?: string; headers: HeadersInit }) => {
      const facts = { ...mark, "Accept-Ranges": "bytes", "Content-Length": String(size) };
      if (method === "HEAD") return new Response(null, { headers: facts });
      const range = new Headers(headers).get("Range") as string;
      asked.push(range);
      if (failing.includes(asked.length)) return Response.json(toErrorRecord(reason), { status: 503, headers: mark });
      const [, from, to] = (/bytes=(\d+)-(\d+)/.exec(range) ?? []).map(Number);
      let at = from!;
      const body = new ReadableStream({
        pull(controller) {
          if (at > to!) return controller.close();
          const length = Math.min(MiB, to! + 1 - at);
          controller.enqueue(new Uint8Array(length).fill(at / MiB));
          at += length;
        },
      });
      return new Response(body, { status: 206, headers: { ...facts, "Content-Range": `bytes ${from}-${to}/${size}` } });
    });
  });

  async function take(reader: ReadableStreamDefaultReader<Uint8Array>, bytes: number): Promise<void> {
    for (let taken = 0; taken < bytes; ) taken += (await reader.read()).value?.length ?? Number.NaN;
  }

  it("asks for a piece when half of the one before was taken, and not sooner", async () => {
    const reader = (await GridFile.open(URL_OF_FILE)).read().getReader();
    await take(reader, 8 * MiB);
    expect(asked).toEqual([`bytes=0-${16 * MiB - 1}`]);
    await take(reader, MiB);
    expect(asked).toEqual([`bytes=0-${16 * MiB - 1}`, `bytes=${16 * MiB}-${32 * MiB - 1}`]);
    await take(reader, 41 * MiB);
    expect(await reader.read()).toMatchObject({ done: true });
    expect(asked).toHaveLength(4);
    expect(asked.at(-1)).toBe(`bytes=${48 * MiB}-${size - 1}`);
  });

  it("gives all bytes in order, also where a piece that was asked for in time was refused then", async () => {
    failing = [2];
    const bytes = await (await GridFile.open(URL_OF_FILE)).bytes({ offset: MiB });
    expect(asked).toHaveLength(5);
    expect(bytes).toHaveLength(49 * MiB);
    const eachOfItsMegabytes = Array.from({ length: 49 }, (_, i) => i + 1);
    expect(eachOfItsMegabytes.map((i) => bytes[i * MiB - 1])).toEqual(eachOfItsMegabytes);
  });

  it("fails with the reason where a piece is refused again", async () => {
    failing = [2, 3];
    await expect((await GridFile.open(URL_OF_FILE)).bytes()).rejects.toMatchObject({ code: reason.code });
  });
});

describe("whoever leaves", () => {
  const gone = new Error("gone");
  /** Answers after its first ten bytes with nothing more, until it is aborted. */
  let ended: number;
  const stall = (stage: "head" | "answer" | "body") => {
    ended = 0;
    vi.stubGlobal("fetch", async (_: string, { method, headers: asked, signal }: RequestInit) => {
      signal?.throwIfAborted();
      const left = new Promise<never>((_, reject) =>
        signal?.addEventListener("abort", () => {
          ended++;
          reject(signal.reason);
        }),
      );
      const head = { ...mark, "Accept-Ranges": "bytes", "Content-Length": "100" };
      if (method === "HEAD") return stage === "head" ? left : new Response(null, { headers: head });
      if (stage === "answer") return left;
      const [, range] = /bytes=(.*)/.exec(new Headers(asked).get("Range") ?? "") ?? [];
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(content.slice(0, 10));
          left.catch((error: unknown) => controller.error(error));
        },
      });
      return new Response(body, { status: 206, headers: { ...head, "Content-Range": `bytes ${range}/100` } });
    });
  };

  it("while the file is opened, or before, hears the reason", async () => {
    stall("head");
    await expect(GridFile.open(URL_OF_FILE, AbortSignal.abort(gone))).rejects.toBe(gone);
    const leaving = new AbortController();
    const opening = GridFile.open(URL_OF_FILE, leaving.signal);
    leaving.abort(gone);
    await expect(opening).rejects.toBe(gone);
    expect(ended).toBe(1);
  });

  it.each(["answer", "body"] as const)(
    "while the %s is awaited hears the reason, and nothing is asked for again",
    async (stage) => {
      stall(stage);
      const file = await GridFile.open(URL_OF_FILE);
      const leaving = new AbortController();
      const reading = file.bytes({ signal: leaving.signal });
      await new Promise((resolve) => setTimeout(resolve, 20));
      const before = vi.fn(globalThis.fetch);
      vi.stubGlobal("fetch", before);
      leaving.abort(gone);
      await expect(reading).rejects.toBe(gone);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([ended, before.mock.calls.length]).toEqual([1, 0]);
    },
  );
});
