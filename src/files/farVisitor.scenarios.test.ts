import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ServerList } from "../servers/ServerList.ts";
import { createFileNodes } from "./createFileNodes.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { FarRelay } from "./testing/FarRelay.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes } from "./testing/SimulatedGrid.ts";
import { behave, SimulatedServer } from "./testing/SimulatedServer.ts";
import { VirtualClock } from "./testing/VirtualClock.ts";

beforeEach(() => installSynchronousCrypto());

const ROUND_TRIP = 400;
const MiB = 1024 * 1024;
const SERVERS = 10;
/** Further than a reader looks ahead. */
const FAR_AHEAD = 17 * MiB + 1;

let film: EncodedFile;
let second: EncodedFile;

beforeAll(async () => {
  const code = { needed: 3, total: SERVERS, maxSegmentSize: MiB };
  film = await encodeShares(patternBytes(24 * MiB, 5), code);
  second = await encodeShares(patternBytes(4 * MiB, 6), { ...code, key: new Uint8Array(16).fill(7) });
}, 60_000);

/** Somebody far from a relay, behind which ten servers are. */
function arrive({ mayOpenAhead = true } = {}) {
  const clock = new VirtualClock();
  const servers = Array.from({ length: SERVERS }, (_, i) => new SimulatedServer(i, clock));
  for (const { behaviour } of servers) Object.assign(behaviour, { latency: 0, bandwidth: 100_000 });
  for (const { shares, storageIndexText } of [film, second]) {
    for (const [n, bytes] of shares) servers[n]!.hold(storageIndexText, n, bytes);
  }
  const relay = new FarRelay(servers, clock, ROUND_TRIP, mayOpenAhead);
  // The second file begins with servers of which some were not asked for the first.
  const turned = [...relay.servers.slice(4), ...relay.servers.slice(0, 4)];
  const list: ServerList = {
    revision: 0,
    known: () => relay.servers,
    inOrderFor: (index) => (Buffer.compare(index, second.cap.storageIndex) === 0 ? turned : relay.servers),
  };
  const nodes = createFileNodes({ servers: list, clock, segmentCacheBytes: 0 });
  /** Whole round trips to the first byte, of which 2 MiB are taken before the reader leaves. */
  const tripsTo = async (file: EncodedFile, at: number): Promise<number> => {
    relay.story.push(`A reader comes, for byte ${at}`);
    const began = clock.now();
    const reader = nodes.open(file.cap).read({ offset: at }).getReader();
    let first: number | undefined;
    const take = async (): Promise<void> => {
      for (let taken = 0; taken < 2 * MiB; ) {
        const { value, done } = await reader.read();
        if (done) break;
        first ??= clock.now();
        taken += value.length;
      }
    };
    await clock.runUntil(take());
    void reader.cancel();
    return Math.floor((first! - began) / ROUND_TRIP);
  };
  /** As the worker does at `connect()`, or with the first file of a small grid. */
  const warm = (): void => {
    for (const server of relay.servers) server.warm?.(true);
  };
  return { clock, relay, servers, nodes, tripsTo, warm };
}

/** What people want to see of a visit that took too long. */
const storyOf = ({ story }: FarRelay) => story.join("\n");

describe("somebody who is far from a relay waits", () => {
  it("U-01 six round trips for the first byte: TCP, TLS, the upgrade, the server's TLS, which shares there are, and the bytes", async () => {
    const { relay, tripsTo } = arrive();
    expect(await tripsTo(film, 0), storyOf(relay)).toBe(6);
  });

  it("U-08 and asks no more servers than it takes: nobody is late while the way is being opened", async () => {
    const { servers, tripsTo } = arrive();
    await tripsTo(film, 0);
    expect(servers.reduce((sum, { counts }) => sum + counts.lists, 0)).toBe(5);
  });

  it("U-02 two where servers were connected to ahead", async () => {
    const { clock, relay, tripsTo, warm } = arrive();
    warm();
    await clock.run(12 * ROUND_TRIP);
    expect(await tripsTo(film, 0), storyOf(relay)).toBe(2);
  });

  it("U-03 one for a seek out of a read under way, again and again, though whoever leaves a long reply closes its connection", async () => {
    const { relay, tripsTo } = arrive();
    await tripsTo(film, 0);
    const seeks = [await tripsTo(film, FAR_AHEAD), await tripsTo(film, 9 * MiB), await tripsTo(film, FAR_AHEAD)];
    expect(seeks, storyOf(relay)).toEqual([1, 1, 1]);
  });

  it("U-04 two for a second file, on servers that were not asked for the first, too", async () => {
    const { relay, tripsTo, warm } = arrive();
    warm();
    await tripsTo(film, 0);
    expect(await tripsTo(second, 0), storyOf(relay)).toBe(2);
  });
});

describe.each([
  { how: "no byte is lost", lost: false, trips: 1, tripsAfterLong: 4 },
  { how: "all is lost, and another connection takes its place", lost: true, trips: 5, tripsAfterLong: 7 },
])("after the network stood still a read goes on: $how", ({ lost, trips, tripsAfterLong }) => {
  const standStillIn = async (offset: number, hole: number) => {
    const visit = arrive();
    const { clock, relay, servers, nodes } = visit;
    behave(servers, { bandwidth: 500 });
    const reader = nodes.open(film.cap).read({ offset }).getReader();
    await clock.runUntil(reader.read());
    const before = relay.story.length;
    relay.standStill(hole, { lost });
    clock.after(hole, () => behave(servers, { bandwidth: 100_000 }));
    const back = clock.now() + hole;
    let last = clock.now();
    let longest = 0;
    let goesOn = 0;
    const readOn = async (): Promise<void> => {
      for (;;) {
        const { done } = await reader.read();
        const now = clock.now();
        if (now - last > longest) [longest, goesOn] = [now - last, now];
        last = now;
        if (done) return;
      }
    };
    await clock.runUntil(readOn());
    return { ...visit, before, back, goesOn };
  };

  it.each([
    ["within the round trips that it takes, where requests outlast it", 12_000, trips],
    ["soon, where they do not", 20_000, tripsAfterLong],
  ])("U-06 %s", async (_, hole, most) => {
    const { relay, back, goesOn } = await standStillIn(0, hole);
    expect(Math.floor((goesOn - back) / ROUND_TRIP), storyOf(relay)).toBeLessThanOrEqual(most);
  });

  it("U-07 and has learned nothing bad of servers: none is asked twice which shares it has, and few for what was asked of another", async () => {
    const { relay, before, back } = await standStillIn(8 * MiB, 12_000);
    const asked = relay.story.slice(before).filter((line) => line.includes("asked for"));
    const queried = relay.story.filter((line) => line.includes("asked for shares")).map((line) => line.split(" ")[1]);
    expect(queried.length).toBeGreaterThanOrEqual(5);
    expect(queried, storyOf(relay)).toEqual([...new Set(queried)]);
    const atOnce = asked.filter((line) => Number.parseFloat(line) * ROUND_TRIP < back + ROUND_TRIP);
    expect(atOnce.length, storyOf(relay)).toBeLessThanOrEqual(3 * SERVERS);
  });
});

it("U-05 where each connection is a WebSocket of its own, none is opened that nobody waits for: it would be in the way", async () => {
  const { clock, relay, tripsTo, warm } = arrive({ mayOpenAhead: false });
  warm();
  await clock.run(12 * ROUND_TRIP);
  expect(relay.story).toEqual([]);
  await tripsTo(film, 0);
  const streams = relay.story.filter((line) => line.endsWith("server3 stream"));
  expect(streams).toHaveLength(1);
  // All are closed, and those that have answered get no other either.
  await clock.run(60_000);
  const before = relay.story.length;
  warm();
  await clock.run(12 * ROUND_TRIP);
  expect(relay.story.slice(before)).toEqual([]);
});
