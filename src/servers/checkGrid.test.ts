import { encode } from "cborg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GridError, type UnreachableWhy } from "../base/GridError.ts";
import type { AddressConfig, ServerConfig } from "../base/gridConfig.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { checkGrid } from "./checkGrid.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";

const SWISSNUM = "open-sesame";
const URL_ADDRESS = { url: "https://grid.example/oak/" };
const RELAYED = {
  nurl: `pb://1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg@storage.example:3457/${SWISSNUM}#v=1`,
  relay: "wss://relay.example/way",
};
const VERSION = new Map<unknown, unknown>([
  [new TextEncoder().encode("http://allmydata.org/tahoe/protocols/storage/v1"), new Map([["size", 2n ** 60n]])],
  [new TextEncoder().encode("application-version"), new TextEncoder().encode("tahoe-lafs/1.20.0\n")],
]);

type Answer = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

let clock: VirtualClock;
let signal: AbortSignal;
let asked: HttpRequest[];
/** What the person has said, by the permission's name. */
let permissions: Record<string, "granted" | "prompt" | "denied">;
const permissionOf = async (name: string) => permissions[name];

beforeEach(() => {
  clock = new VirtualClock();
  signal = new AbortController().signal;
  asked = [];
  permissions = {};
  vi.stubGlobal("fetch", () => expect.fail("nothing is probed"));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function reply(status: number, body: Uint8Array = encode(VERSION), type = "application/cbor"): HttpReply {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield body;
  }
  return { status, header: (name) => (name === "content-type" ? type : undefined), body: pieces() };
}

function unreachable(why?: UnreachableWhy): Answer {
  return () => {
    const details = { server: "Oak", reason: "ECONNREFUSED", ...(why && { why }) };
    throw new GridError("SERVER_UNREACHABLE", details, "not there");
  };
}

/** A check of one server by one address, which behaves so. */
async function check(
  answer: Answer | undefined,
  address: AddressConfig = URL_ADDRESS,
  /** null: outside browsers */
  origin: string | null = "https://app.example",
  entry: Partial<ServerConfig> = { swissnum: SWISSNUM },
) {
  const transport: HttpTransport | undefined = answer && {
    async request(request) {
      asked.push(request);
      return answer(request);
    },
  };
  const config = { servers: [{ id: "v0-oak", nickname: "Oak", addresses: [address], ...entry }] };
  const platform = { makeTransport: () => transport, origin: origin ?? undefined, permissionOf, clock };
  const result = await clock.runUntil(checkGrid(config, {}, platform, signal));
  expect(JSON.stringify(result)).not.toContain(SWISSNUM);
  const [server] = result.servers;
  const [found] = server!.addresses;
  expect(server).toMatchObject({ id: "v0-oak", name: "Oak", works: found!.works });
  return { ...found!, problem: found!.finding?.problem };
}

it("shows what others wrote, nicknames and reasons, with nothing unseen in it", async () => {
  const why = () => {
    throw new GridError(
      "SERVER_UNREACHABLE",
      { server: "Oak", reason: "no \u202etls\x1b[2J", why: "not-tls" },
      "not there",
    );
  };
  const transport = { request: async () => why() };
  const config = { servers: [{ id: "v0-oak", nickname: "O\u202eak\n", addresses: [URL_ADDRESS] }] };
  const [server] = (
    await clock.runUntil(
      checkGrid(config, {}, { makeTransport: () => transport, origin: undefined, permissionOf, clock }, signal),
    )
  ).servers;
  expect(server?.name).toBe("O<U+202E>ak<U+000A>");
  expect(server?.addresses[0]?.finding?.what).toContain("no <U+202E>tls<U+001B>[2J");
});

/** What a browser's `fetch` says to a URL, in mode cors and in mode no-cors. */
function stubFetch(cors: () => Response, noCors: () => Response = cors): string[] {
  const seen: string[] = [];
  vi.stubGlobal("fetch", async (url: string, { mode, headers }: RequestInit) => {
    seen.push(`${mode} ${url}`);
    expect(headers).toBeUndefined();
    return mode === "cors" ? cors() : noCors();
  });
  return seen;
}

const rejected = () => {
  throw new TypeError("Failed to fetch");
};
const opaque = () => Response.error();

describe("an address that works", () => {
  it("is told with the server's software and how long an answer takes", async () => {
    const found = await check(async () => {
      await clock.sleep(asked.length === 1 ? 900 : 40, signal);
      return reply(200);
    });
    expect(found).toEqual({
      address: URL_ADDRESS.url,
      works: true,
      latency: 40,
      version: "tahoe-lafs/1.20.0?",
      problem: undefined,
    });
    expect(asked).toMatchObject([
      {
        method: "GET",
        path: "/storage/v1/version",
        headers: { Accept: "application/cbor", Authorization: `Tahoe-LAFS ${btoa(SWISSNUM)}` },
      },
      {},
    ]);
  });

  it("is called slow where it is", async () => {
    const found = await check(async () => {
      await clock.sleep(4000, signal);
      return reply(200);
    }, RELAYED);
    expect(found).toMatchObject({ works: true, latency: 4000, problem: "slow" });
    expect(found.address).toBe("storage.example:3457 through wss://relay.example/way");
  });
});

describe("an address whose reply is wrong", () => {
  it.each([
    ["wrong-swissnum", 401],
    ["forbidden", 403],
    ["server-away", 502],
    ["server-away", 504],
    ["server-error", 500],
    ["not-a-storage-server", 404],
    ["not-a-storage-server", 406],
  ])("is %s with HTTP %s", async (problem, status) => {
    expect(await check(() => reply(status))).toMatchObject({ works: false, problem });
  });

  it("tells a missing swissnum from a wrong one", async () => {
    expect((await check(() => reply(401))).finding?.what).toContain("does not accept the swissnum");
    const without = await check(() => reply(401), URL_ADDRESS, null, {});
    expect(without.finding?.what).toContain("wants a swissnum, and none is known");
  });

  it.each<[string, () => HttpReply]>([
    ["a page", () => reply(200, new TextEncoder().encode("<html>"), "text/html")],
    ["no CBOR", () => reply(200, Uint8Array.of(0xff))],
    ["another CBOR", () => reply(200, encode([1]))],
    ["endless bytes", () => reply(200, new Uint8Array(1e6))],
  ])("is not a storage server where it sends %s", async (_, answer) => {
    expect(await check(answer)).toMatchObject({ works: false, problem: "not-a-storage-server" });
  });
});

describe("an address that brings no reply", () => {
  it("is too slow after a while", async () => {
    const found = await check(({ signal: limit }) => clock.sleep(1e6, limit).then(() => reply(200)));
    expect(found).toMatchObject({ works: false, problem: "timeout" });
    expect(clock.pendingTimers).toBe(0);
  });

  it.each<[UnreachableWhy, string]>([
    ["relay-origin", "relay-origin"],
    ["relay-token", "relay-token"],
    ["relay-busy", "relay-busy"],
    ["server-away", "server-away"],
    ["wrong-key", "wrong-key"],
    ["impostor", "impostor"],
    ["broke-off", "broke-off"],
    ["replaced", "broke-off"],
    ["not-tls", "not-a-storage-server"],
    ["not-http", "not-a-storage-server"],
  ])("through a relay: %s", async (why, problem) => {
    expect(await check(unreachable(why), RELAYED)).toMatchObject({ works: false, problem });
  });

  it.each<[string, () => Response, () => Response, string]>([
    ["nothing at all", rejected, rejected, "relay-unreachable"],
    ["something unreadable, as websockify", rejected, opaque, "relay-refused"],
    ["a relay that takes other origins", () => new Response("", { status: 403 }), rejected, "relay-origin"],
    ["a relay that takes this one", () => new Response("", { status: 426 }), rejected, "relay-refused"],
  ])("where a WebSocket was refused by %s", async (_, cors, noCors, problem) => {
    const probed = stubFetch(cors, noCors);
    expect((await check(unreachable("relay-away"), RELAYED)).problem).toBe(problem);
    expect(probed[0]).toBe("cors https://relay.example/way");
  });

  it.each<[string, string, () => Response, () => Response, string]>([
    ["nothing answers", "https://app.example", rejected, rejected, "unreachable"],
    ["it lacks CORS headers", "https://app.example", rejected, opaque, "cors"],
    ["it does not allow the header", "https://app.example", () => new Response(""), rejected, "cors"],
    ["it broke off, on the app's own origin", "https://grid.example", () => new Response(""), rejected, "broke-off"],
    ["the page is https and it is not", "https://app.example", rejected, rejected, "mixed-content"],
  ])("by a URL where %s", async (_, origin, cors, noCors, problem) => {
    const probed = stubFetch(cors, noCors);
    const address = problem === "mixed-content" ? { url: "http://grid.example/oak/" } : URL_ADDRESS;
    expect((await check(unreachable(), address, origin)).problem).toBe(problem);
    if (problem === "mixed-content") expect(probed).toEqual([]);
    else expect(probed[0]).toBe("cors https://grid.example/oak/storage/v1/version");
  });

  it.each([
    ["http://127.0.0.1:4001/", "unreachable"],
    ["http://localhost/", "unreachable"],
    ["http://[::1]:80/", "unreachable"],
    ["http://localhost.example/", "mixed-content"],
    ["http://192.168.0.1/", "mixed-content"],
  ])("by %s on an https page: %s", async (url, problem) => {
    stubFetch(rejected);
    expect((await check(unreachable(), { url })).problem).toBe(problem);
  });

  it("through a relay by ws on an https page", async () => {
    const found = await check(unreachable("relay-away"), { ...RELAYED, relay: "ws://relay.example/" });
    expect(found.problem).toBe("mixed-content");
  });

  it.each([
    [undefined, "unreachable"],
    ["relay-away", "relay-unreachable"],
  ] as const)("outside browsers: the platform's reason, with nothing probed", async (why, problem) => {
    const found = await check(unreachable(why), why ? RELAYED : URL_ADDRESS, null);
    expect(found.finding).toMatchObject({ problem, what: expect.stringContaining("ECONNREFUSED") });
  });

  it("is unusable where the platform has no way to it", async () => {
    expect(await check(undefined, { nurl: RELAYED.nurl })).toMatchObject({
      address: "storage.example:3457",
      works: false,
      problem: "unusable",
    });
  });
});

describe("an address in a network that the browser asks the person about", () => {
  const LOOPBACK = "http://127.0.0.1:8099/oak/";
  const HOME = { nurl: RELAYED.nurl, relay: "wss://192.168.1.7/way" };
  const kept = { "loopback-network": "prompt", "local-network": "denied" } as const;

  it.each([
    ["on this device", LOOPBACK, "nobody has allowed that yet"],
    ["on this device", "http://[::1]:8099/", "nobody has allowed that yet"],
    ["on this device", "http://grid.localhost/", "nobody has allowed that yet"],
    ["in the local network", "http://172.31.0.1/", "that was refused"],
    ["in the local network", "http://[fd12::1]/", "that was refused"],
    ["in the local network", "http://nas.local/", "that was refused"],
  ])("is kept from a page from outside: %s, %s", async (where, url, why) => {
    permissions = kept;
    stubFetch(rejected);
    // By https, such a page would be kept from most of them for another reason.
    const found = await check(unreachable(), { url }, "http://app.example");
    expect(found.problem).toBe("local-network");
    expect(found.finding?.what).toBe(`The browser keeps this page from servers ${where}: ${why}.`);
  });

  it("is, with a relay there", async () => {
    permissions = kept;
    expect((await check(unreachable("relay-away"), HOME)).problem).toBe("local-network");
  });

  it("is called so and not late while the person is being asked, which holds up the request", async () => {
    permissions = kept;
    const silent: Answer = async ({ signal: limited }) => {
      await clock.sleep(1e6, limited);
      return reply(200);
    };
    expect((await check(silent, { url: LOOPBACK }, "http://app.example")).problem).toBe("local-network");
    expect((await check(silent, URL_ADDRESS)).problem).toBe("timeout");
  });

  it.each<[string, typeof permissions, string, string]>([
    ["once that is allowed", { "loopback-network": "granted" }, LOOPBACK, "http://app.example"],
    ["where the browser does not ask", {}, LOOPBACK, "http://app.example"],
    ["for a page of this device", kept, LOOPBACK, "http://127.0.0.1:3000"],
    ["for a page of the same network", kept, "http://10.0.0.2/", "http://192.168.1.2"],
    ["for an address that may be anywhere", kept, "http://grid.example/", "http://app.example"],
  ])("is merely unreachable %s", async (_, said, url, origin) => {
    permissions = said;
    stubFetch(rejected);
    expect((await check(unreachable(), { url }, origin)).problem).toBe("unreachable");
  });

  it("is known by Chromium's older name for both", async () => {
    permissions = { "local-network-access": "prompt" };
    expect((await check(unreachable("relay-away"), HOME)).problem).toBe("local-network");
  });
});

it("checks every address of every server, few at once, and calls a server well that has one that works", async () => {
  let inFlight = 0;
  let most = 0;
  const makeTransport = (address: { url: string } | object): HttpTransport => ({
    async request() {
      inFlight++;
      most = Math.max(most, inFlight);
      await clock.sleep(10, signal);
      inFlight--;
      return reply("url" in address && address.url.includes("down") ? 502 : 200);
    },
  });
  const servers = Array.from({ length: 20 }, (_, i) => ({
    id: `v0-${i}`,
    addresses:
      i % 2 ? [{ url: "https://down.example/" }, { url: "https://up.example/" }] : [{ url: "https://down.example/" }],
  }));
  const platform = { makeTransport, origin: undefined, permissionOf, clock };
  const result = await clock.runUntil(checkGrid({ name: "home", servers }, {}, platform, signal));
  expect(result.name).toBe("home");
  expect(result.servers.map(({ id }) => id)).toEqual(servers.map(({ id }) => id));
  expect(result.servers.map(({ works }) => works)).toEqual(servers.map((_, i) => i % 2 === 1));
  expect(result.servers[1]?.addresses.map(({ works }) => works)).toEqual([false, true]);
  expect(most).toBeLessThanOrEqual(12);
});

it("ends with the caller's reason", async () => {
  const caller = new AbortController();
  const platform = {
    makeTransport: () => ({
      request: ({ signal: limited }: HttpRequest) => clock.sleep(1e6, limited).then(() => reply(200)),
    }),
    origin: undefined,
    permissionOf,
    clock,
  };
  const config = { servers: [{ id: "v0-oak", addresses: [URL_ADDRESS] }] };
  const checking = checkGrid(config, {}, platform, caller.signal);
  const reason = new Error("enough");
  caller.abort(reason);
  await expect(checking).rejects.toBe(reason);
  expect(clock.pendingTimers).toBe(0);
});
