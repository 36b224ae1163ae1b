import { beforeEach, describe, expect, it } from "vitest";
import { HugeFile } from "../files/testing/HugeFile.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { behave } from "../files/testing/SimulatedServer.ts";
import { damage, F1, flip } from "../files/testing/scenario.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { FailurePacer } from "./FailurePacer.ts";
import { gridPaths } from "./GridPaths.ts";
import { handleGridRequest } from "./handleGridRequest.ts";
import { Openings } from "./Openings.ts";

/* Requests through real file nodes: what fakes of them once hid. */

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(3_100);
const LEFT = new DOMException("left", "AbortError");

/** Answers requests for the files of a simulated grid. */
class Web {
  readonly grid: SimulatedGrid;
  readonly failures: FailurePacer;
  readonly openings: Openings;
  streaming = 0;

  constructor(grid: SimulatedGrid) {
    this.grid = grid;
    this.failures = new FailurePacer(grid.clock);
    this.openings = new Openings(grid.clock, false);
  }

  get(cap: ChkCap, headers: Record<string, string> = {}, init: RequestInit = {}, query = ""): Promise<Response> {
    const request = new Request(`https://app.example/uri/${formatCap(cap)}${query}`, { ...init, headers });
    return this.grid.clock.runUntil(
      handleGridRequest(request, {
        paths: gridPaths(new URL("https://app.example/"), { tahoeForms: true }),
        findHandle: async () => undefined,
        open: (opened) => this.grid.nodes.open(opened),
        clock: this.grid.clock,
        failures: this.failures,
        haveServersMoved: async () => false,
        openings: this.openings,
        client: "page",
        streaming: ({ ended }) => {
          this.streaming++;
          void ended.then(() => this.streaming--);
        },
        directory: () => Promise.reject(new Error("no directory in this test")),
        archive: () => Promise.reject(new Error("no archive in this test")),
        failed: () => undefined,
        isOffline: () => false,
        forbidden: async () => [],
        isKeptFromLocalNetwork: async () => false,
      }),
    );
  }

  async bytes(response: Response): Promise<Buffer> {
    return Buffer.from(await this.grid.clock.runUntil(response.arrayBuffer()));
  }

  async expectRest(): Promise<void> {
    await this.grid.clock.run(0);
    expect(this.grid.inFlight).toBe(0);
    expect(this.grid.pendingTimers).toBe(0);
    expect(this.streaming).toBe(0);
  }
}

async function stage(): Promise<{ web: Web; grid: SimulatedGrid; cap: ChkCap; storageIndexText: string }> {
  const grid = new SimulatedGrid(10, { windowStart: 240, windowMost: 480 });
  const { cap, storageIndexText } = await grid.put(plaintext, F1);
  return { web: new Web(grid), grid, cap, storageIndexText };
}

it.each([
  ["bytes=0-0", 0, 0],
  ["bytes=119-120", 119, 120],
  ["bytes=100-2999", 100, 2_999],
  ["bytes=3000-", 3_000, 3_099],
  ["bytes=-7", 3_093, 3_099],
  ["bytes=0-", 0, 3_099],
  ["bytes=3099-99999999999999999999", 3_099, 3_099],
  // Of several ranges the first alone.
  ["bytes=0-0,5-6", 0, 0],
])("S9 S-01 S-03 %s of a real file: 206, exactly these bytes", async (Range, first, last) => {
  const { web, cap } = await stage();
  const response = await web.get(cap, { Range });
  expect(response.status).toBe(206);
  expect(response.headers.get("Content-Range")).toBe(`bytes ${first}-${last}/3100`);
  expect(response.headers.get("Content-Length")).toBe(String(last - first + 1));
  expect(await web.bytes(response)).toEqual(Buffer.from(plaintext.subarray(first, last + 1)));
  await web.expectRest();
});

it.each([
  ["bytes=2000-2009", "application/octet-stream"],
  ["bytes=-10", "application/octet-stream"],
  // The start comes anyway: as a player's probe, Safari's say, and where it is in the same segment.
  ["bytes=0-1", "application/pdf"],
  ["bytes=0-", "application/pdf"],
  ["bytes=500-509", "application/pdf"],
])("%s of a nameless file is %s, and asks servers for no byte more than of one with a name", async (Range, type) => {
  const pdf = patternBytes(31_000);
  pdf.set(new TextEncoder().encode("%PDF-1.7"));
  const bytesAsked = async (query: string): Promise<[type: string | null, bytes: number]> => {
    const grid = new SimulatedGrid(10);
    const { cap } = await grid.put(pdf, { ...F1, maxSegmentSize: 1_200 });
    const web = new Web(grid);
    const response = await web.get(cap, { Range }, {}, query);
    await response.body?.cancel();
    await web.expectRest();
    return [response.headers.get("Content-Type"), grid.requests.bytes];
  };
  const [, most] = await bytesAsked("?filename=a.zip");
  expect(await bytesAsked("")).toEqual([type, most]);
});

it("S9 S-01 ranges of files beyond 2^32 bytes, up to 2^53-1", async () => {
  for (const [bits, ranges] of [
    [33, ["bytes=4294967295-4294967296", "bytes=4294967290-4294967305", "bytes=-10", "bytes=8589934590-"]],
    [
      53,
      [
        "bytes=9007199254740990-",
        "bytes=9007199254740000-9007199254740990",
        "bytes=-1",
        "bytes=4503599627370495-4503599627370497",
      ],
    ],
  ] as const) {
    const file = new HugeFile(
      bits,
      [2 ** 32, 2 ** 52 - 1, 2 ** 52].filter((mark) => mark < 2 ** bits),
    );
    const grid = new SimulatedGrid(4);
    file.serveOn(grid);
    const web = new Web(grid);
    for (const Range of ranges) {
      const response = await web.get(file.cap, { Range });
      expect(response.status, Range).toBe(206);
      const [first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/
        .exec(response.headers.get("Content-Range") ?? "")!
        .slice(1);
      // Compared as text and as big integers: a number that was rounded on the way would show.
      expect(BigInt(size!)).toBe(2n ** BigInt(bits) - 1n);
      const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(Range)!;
      expect(first).toBe(from === "" ? String(2n ** BigInt(bits) - 1n - BigInt(to!)) : from);
      expect(last).toBe(from !== "" && to !== "" ? to : String(2n ** BigInt(bits) - 2n));
      const bytes = await web.bytes(response);
      expect(bytes.length).toBe(Number(BigInt(last!) - BigInt(first!) + 1n));
      expect(bytes.equals(file.plaintext(Number(first), bytes.length)), Range).toBe(true);
    }
    const beyond = await web.get(file.cap, { Range: `bytes=${2n ** BigInt(bits) - 1n}-` });
    expect(beyond.status).toBe(416);
    await web.expectRest();
  }
});

it("S6 S9 S-02 the end and the head at once, as a player begins", async () => {
  const { web, cap } = await stage();
  const [tail, head] = await Promise.all([
    web.get(cap, { Range: "bytes=3000-" }),
    web.get(cap, { Range: "bytes=0-499" }),
  ]);
  expect(await web.bytes(tail!)).toEqual(Buffer.from(plaintext.subarray(3_000)));
  expect(await web.bytes(head!)).toEqual(Buffer.from(plaintext.subarray(0, 500)));
  await web.expectRest();
});

it.each(["bytes=5-2", "bytes=a-b", "items=0-5", "bytes=", "0-5"])(
  "S-04 %s is ignored: 200, everything",
  async (Range) => {
    const { web, cap } = await stage();
    const response = await web.get(cap, { Range });
    expect(response.status).toBe(200);
    expect(await web.bytes(response)).toEqual(Buffer.from(plaintext));
  },
);

it.each(["bytes=3100-", "bytes=3100-3106", "bytes=99999999999999999999-"])(
  "S-05 KD-8 %s starts at the end or after it: 416 with the size, and no server is asked",
  async (Range) => {
    const { web, grid, cap } = await stage();
    const response = await web.get(cap, { Range });
    expect(response.status).toBe(416);
    expect(response.headers.get("Content-Range")).toBe("bytes */3100");
    expect(grid.requests.lists).toBe(0);
  },
);

describe("failures", () => {
  it("S-06 before the first byte: 410, and the text says what became of each server", async () => {
    const { web, grid, cap } = await stage();
    for (const [i, { behaviour }] of grid.servers.entries()) if (i !== 4) behaviour.statusOnRead = 503;
    grid.servers[9]!.shares.clear();
    const response = await web.get(cap, { Range: "bytes=10-20" });
    expect(response.status).toBe(410);
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    expect(text).toMatch(/^NotEnoughSharesError: /);
    expect(text).toContain("server0: share 0: server0 answered HTTP 503");
    expect(text).toContain("server9: no share");
    expect(text).not.toContain(encodeBase32(cap.key));
    await web.expectRest();
  });

  it("S-06 where everybody hangs: within the 40 s that a worker may take", async () => {
    for (const behaviour of [{ hangsOnList: true }, { hangsOnRead: true }]) {
      const { web, grid, cap } = await stage();
      behave(grid.servers, behaviour);
      const response = await web.get(cap);
      expect([410, 504]).toContain(response.status);
      expect(grid.clock.now()).toBeLessThanOrEqual(40_000);
      await web.expectRest();
    }
  });

  it("S10 S-07 KD-5 after the first byte: the body errors, and no byte of it is wrong", async () => {
    const { web, grid, cap, storageIndexText } = await stage();
    // A block in the middle of every share.
    damage(grid, storageIndexText, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (share) => flip(share, 36 + 12 * 40));
    const response = await web.get(cap);
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    const parts: Uint8Array[] = [];
    const drain = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        parts.push(value);
      }
    };
    await expect(grid.clock.runUntil(drain())).rejects.toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    expect(Buffer.concat(parts)).toEqual(Buffer.from(plaintext.subarray(0, 12 * 120)));
    await web.expectRest();
  });

  it("S10 K-24 a request that failed is not held against the next one", async () => {
    const { web, grid, cap } = await stage();
    for (const { behaviour } of grid.servers) behaviour.statusOnList = 500;
    expect((await web.get(cap)).status).toBe(410);
    for (const { behaviour } of grid.servers) behaviour.statusOnList = undefined;
    const response = await web.get(cap);
    expect(response.status).toBe(200);
    expect(await web.bytes(response)).toEqual(Buffer.from(plaintext));
  });
});

it("S-08 HEAD: the headers that GET would send, and no server is asked", async () => {
  const { web, grid, cap } = await stage();
  const head = await web.get(cap, { Range: "bytes=5-9" }, { method: "HEAD" });
  expect(grid.requests.lists).toBe(0);
  const get = await web.get(cap, { Range: "bytes=5-9" });
  expect(head.status).toBe(206);
  expect([...head.headers]).toEqual([...get.headers]);
  expect((await head.arrayBuffer()).byteLength).toBe(0);
  await get.body?.cancel();
  await web.expectRest();
});

describe("S7 S-09 a request that is given up", () => {
  it.each([5, 15, 25])(
    "M-16 after %i ms, before its first byte: work stops, others go on, nothing is reported",
    async (ms) => {
      const { web, grid, cap } = await stage();
      const told: string[] = [];
      grid.log.listen(({ level, kind }) => {
        if (level === "warn" || level === "error") told.push(kind);
      });
      for (const { behaviour } of grid.servers) behaviour.bandwidth = 1;
      const handle = new AbortController();
      grid.plan(ms, () => handle.abort(LEFT));
      const given = web.get(cap, { Range: "bytes=0-499" }, { signal: handle.signal });
      const kept = web.get(cap, { Range: "bytes=2000-2499" });
      await expect(given).rejects.toBe(LEFT);
      expect(await web.bytes(await kept)).toEqual(Buffer.from(plaintext.subarray(2_000, 2_500)));
      expect(told).toEqual([]);
      await web.expectRest();
    },
  );

  it("while its body is read, by its signal or by cancelling the body: the read stops, others go on", async () => {
    for (const way of ["signal", "body"]) {
      const { web, cap } = await stage();
      const handle = new AbortController();
      const given = await web.get(cap, {}, { signal: handle.signal });
      const kept = await web.get(cap, { Range: "bytes=1000-" });
      const reader = given.body!.getReader();
      await web.grid.clock.runUntil(reader.read());
      if (way === "signal") {
        handle.abort(LEFT);
        await expect(web.grid.clock.runUntil(reader.read())).rejects.toBe(LEFT);
      } else {
        await web.grid.clock.runUntil(reader.cancel(LEFT));
      }
      expect(await web.bytes(kept)).toEqual(Buffer.from(plaintext.subarray(1_000)));
      await web.expectRest();
    }
  });
});
