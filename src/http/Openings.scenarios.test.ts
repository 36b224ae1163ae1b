import { beforeEach, describe, expect, it } from "vitest";
import { Slots } from "../base/Slots.ts";
import { HugeFile } from "../files/testing/HugeFile.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { Random } from "../files/testing/random.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import type { SimulatedServer } from "../files/testing/SimulatedServer.ts";
import { formatCap } from "../formats/formatCap.ts";
import { FailurePacer } from "./FailurePacer.ts";
import { gridPaths } from "./GridPaths.ts";
import { handleGridRequest } from "./handleGridRequest.ts";
import { Openings } from "./Openings.ts";

beforeEach(() => installSynchronousCrypto());

const MiB = 2 ** 20;
const CHUNK = 64 * 1024;
const film = new HugeFile(30, []);
/** Browsers cancel the body of an aborted request as soon as there is one. */
const CANCELLED_AFTER = 10;
/** Of each server, in milliseconds, and in bytes a millisecond. */
const LATENCY = 40;
const BANDWIDTH = 3_000;
const PACKET = 32 * 1024;

/** A worker before a page: its servers have a link that is soon full. */
class Stage {
  readonly grid = new SimulatedGrid(4);
  readonly #openings: Openings;
  readonly #random = new Random(9);
  streaming = 0;

  /** Bytes that servers have sent. */
  moved = 0;

  /** @param forgetsUnanswered does the browser, as WebKit, take the bodies of requests whole that were dropped before their answer? */
  constructor(forgetsUnanswered = false) {
    this.#openings = new Openings(this.grid.clock, forgetsUnanswered);
    film.serveOn(this.grid);
    for (const server of this.grid.servers) this.#bindToLink(server);
  }

  /** What was asked for first comes first, all of it, unless it is called off. */
  #bindToLink(server: SimulatedServer): void {
    const { clock } = this.grid;
    const link = new Slots(1);
    const send = async function* (
      this: Stage,
      ...[, n, offset, length, signal]: Parameters<SimulatedServer["readShare"]>
    ): AsyncGenerator<Uint8Array> {
      server.inFlight++;
      let leave = () => {};
      try {
        await clock.sleep(LATENCY, signal);
        leave = await link.take(signal);
        const bytes = film.shareBytes(n, offset, length);
        for (let at = 0; at < bytes.length; at += PACKET) {
          const packet = bytes.slice(at, at + PACKET);
          await clock.sleep(packet.length / BANDWIDTH, signal);
          this.moved += packet.length;
          yield packet;
        }
      } finally {
        leave();
        server.inFlight--;
      }
    };
    server.readShare = send.bind(this);
  }

  ask(first: number, { client = "page", length = CHUNK, name = "film.bin", destination = "" } = {}): Promise<Response> {
    const url = `https://app.example/file/${encodeURIComponent(formatCap(film.cap))}/@@named=/${name}`;
    const headers = { Range: `bytes=${first}-${first + length - 1}` };
    const request = new Request(url, { headers });
    Object.defineProperty(request, "destination", { value: destination });
    return handleGridRequest(request, {
      paths: gridPaths(new URL("https://app.example/"), { tahoeForms: true }),
      findHandle: async () => undefined,
      open: (cap) => this.grid.nodes.open(cap),
      directory: () => Promise.reject(new Error("no directory in this test")),
      archive: () => Promise.reject(new Error("no archive in this test")),
      clock: this.grid.clock,
      failures: new FailurePacer(this.grid.clock),
      haveServersMoved: async () => false,
      openings: this.#openings,
      client,
      streaming: ({ ended }) => {
        this.streaming++;
        void ended.then(() => this.streaming--);
      },
      failed: () => undefined,
      isOffline: () => false,
      forbidden: async () => [],
      isKeptFromLocalNetwork: async () => false,
    });
  }

  /** Aborted in the page, of which the worker hears nothing until it gives a body. */
  askAndLeave(client?: string): void {
    const answered = this.ask(this.#random.integer(0, film.cap.size - CHUNK), client === undefined ? {} : { client });
    void answered.then(({ body }) => this.grid.plan(CANCELLED_AFTER, () => void body?.cancel()));
  }

  /** The rest of the film, dropped in WebKit: that cancels what has been answered by then, and takes all else whole. */
  askAndDrop(first: number, after: number, destination: string): void {
    let answered: Response | undefined;
    let isDropped = false;
    void this.ask(first, { length: film.cap.size - first, destination }).then((response) => {
      answered = response;
      if (isDropped) void take(response);
    });
    this.grid.plan(after, () => {
      isDropped = true;
      void answered?.body?.cancel();
    });
  }

  somewhere(): number {
    return this.#random.integer(0, film.cap.size - CHUNK);
  }

  /** @returns milliseconds until the bytes were there */
  async read(first: number): Promise<number> {
    const { clock } = this.grid;
    const began = clock.now();
    const bytes = await clock.runUntil(this.ask(first).then((response) => response.arrayBuffer()));
    expect(bytes.byteLength).toBe(CHUNK);
    return clock.now() - began;
  }
}

async function take({ body }: Response): Promise<number> {
  let taken = 0;
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) taken += read.value.length;
  return taken;
}

describe("requests that a page has aborted before their first byte", () => {
  it("hold up no later one: after 1,670 at once, of two pages, one is answered in no more than a few openings' time", async () => {
    const stage = new Stage();
    await stage.read(0);
    const alone = await stage.read(500 * MiB);
    stage.moved = 0;
    for (let i = 0; i < 1_670; i++) stage.askAndLeave(i % 2 === 0 ? "page" : "another page");
    expect(await stage.read(700 * MiB)).toBeLessThan(6 * alone);
    await stage.grid.clock.run(2_000);
    expect([stage.grid.inFlight, stage.grid.pendingTimers, stage.streaming]).toEqual([0, 0, 0]);
    // Those that nobody has overtaken, and the one that lived.
    expect(stage.moved).toBeLessThan(12 * MiB);
  });

  it("leave no trace 2 s after a flood of 100 a second", async () => {
    const stage = new Stage();
    await stage.read(0);
    for (let i = 0; i < 500; i++) {
      stage.askAndLeave(i % 2 === 0 ? "page" : "another page");
      await stage.grid.clock.run(10);
    }
    await stage.grid.clock.run(2_000);
    expect([stage.grid.inFlight, stage.grid.pendingTimers, stage.streaming]).toEqual([0, 0, 0]);
  });
});

describe("requests that live, however many at once", () => {
  it.each([
    ["195 pieces of a document", 195, CHUNK],
    ["200 ranges of 8 bytes", 200, 8],
    ["60 ranges", 60, 3 * CHUNK],
  ])("%s: all are answered, with all of their bytes", async (_what, count, length) => {
    const stage = new Stage();
    const answers = Array.from({ length: count }, async (_, i) => {
      const response = await stage.ask(100 * MiB + i * CHUNK, { length });
      expect(response.status).toBe(206);
      return (await response.arrayBuffer()).byteLength;
    });
    expect(await stage.grid.clock.runUntil(Promise.all(answers))).toEqual(new Array(count).fill(length));
  });

  it("tell a failure by their status, unless they are overtaken: those break off", async () => {
    const stage = new Stage();
    for (const { behaviour } of stage.grid.servers) behaviour.statusOnList = 500;
    const ends = await stage.grid.clock.runUntil(
      Promise.all(
        Array.from({ length: 10 }, async () => {
          const response = await stage.ask(stage.somewhere());
          return response.ok
            ? response.arrayBuffer().then(
                () => "whole",
                () => "broken off",
              )
            : response.status;
        }),
      ),
    );
    expect(ends).toEqual([...new Array(6).fill("broken off"), ...new Array(4).fill(410)]);
  });

  it("of a player: the newest alone is waited for, since it has left what it asked before", async () => {
    const stage = new Stage();
    for (const { behaviour } of stage.grid.servers) behaviour.statusOnList = 500;
    const asked = ["video", "video", "video"].map((destination, n) => stage.ask(n * MiB, { destination }));
    const answers = await stage.grid.clock.runUntil(Promise.all(asked));
    expect(answers.map(({ status }) => status)).toEqual([206, 206, 410]);
  });

  it("of several readers, or of several URLs, overtake nobody else's", async () => {
    const stage = new Stage();
    for (const { behaviour } of stage.grid.servers) behaviour.statusOnList = 500;
    const answers = await stage.grid.clock.runUntil(
      Promise.all(
        [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => [
          stage.ask(n, { client: `page ${n}` }),
          stage.ask(n, { name: `${n}.bin` }),
        ]),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([410]));
  });
});

describe("in a browser that takes the whole body of a request that was dropped before its answer", () => {
  const rest = { length: 500 * MiB };

  it.each([
    ["a player's", "video", [1, 5, 50, 400, 2_000]],
    ["a page's", "", [600, 1_000, 2_000]],
  ])(
    "a long part is answered before its first bytes, and %s is cancelled as it is dropped",
    async (_whose, destination, times) => {
      const stage = new Stage(true);
      // Longer than anybody here waits.
      for (const { behaviour } of stage.grid.servers) behaviour.latency = 3_000;
      for (const [i, after] of times.entries()) {
        stage.grid.plan(3_000 * i, () => stage.askAndDrop(i * 100 * MiB, after, destination));
      }
      await stage.grid.clock.run(20_000);
      expect([stage.grid.inFlight, stage.grid.pendingTimers, stage.streaming]).toEqual([0, 0, 0]);
      expect(stage.moved).toBeLessThan(times.length * MiB);
    },
  );

  it("what cannot be read breaks off in a player, and is a status to a page that hears it soon, or asked for little", async () => {
    const stage = new Stage(true);
    for (const { behaviour } of stage.grid.servers) Object.assign(behaviour, { statusOnList: 500, latency: 300 });
    const { clock } = stage.grid;
    const played = await clock.runUntil(stage.ask(0, { ...rest, destination: "video" }));
    expect(played.status).toBe(206);
    await expect(clock.runUntil(take(played))).rejects.toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    expect((await clock.runUntil(stage.ask(1, rest))).status).toBe(410);
    for (const { behaviour } of stage.grid.servers) behaviour.latency = 5_000;
    expect((await clock.runUntil(stage.ask(2, { length: 4 * MiB }))).status).toBe(410);
    expect((await clock.runUntil(stage.ask(3, { length: 4 * MiB, destination: "audio" }))).status).toBe(410);
  });

  it("readers of long parts who ask at once get them whole", async () => {
    const stage = new Stage(true);
    for (const { behaviour } of stage.grid.servers) behaviour.latency = 3_000;
    const length = 5 * MiB;
    const asked = ["", "", "", "", "", "video", "video"].map((destination, i) =>
      stage.ask(i * length, { length, destination }),
    );
    const taken = Promise.all(asked.map(async (answer) => take(await answer)));
    expect(await stage.grid.clock.runUntil(taken)).toEqual(asked.map(() => length));
  });
});
