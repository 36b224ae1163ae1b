import { describe, expect, it } from "vitest";
import { systemClock } from "../base/Clock.ts";
import { isGridError } from "../base/GridError.ts";
import type { ServerConfig } from "../base/gridConfig.ts";
import { defaultLimits } from "../base/limits.ts";
import { ConfiguredServerList } from "./ConfiguredServerList.ts";
import { parseGridConfig } from "./parseGridConfig.ts";
import type { Server } from "./Server.ts";

const oak = { id: "v0-oak", addresses: [{ url: "http://127.0.0.1:1/" }] };
const elm = { id: "v0-elm", addresses: [{ url: "http://127.0.0.1:2/" }] };
const config = (...servers: ServerConfig[]) => parseGridConfig({ servers })[0];

function list(): ConfiguredServerList {
  return new ConfiguredServerList(() => undefined, { clock: systemClock, limits: defaultLimits });
}

it("keeps the servers that both lists have, in the order of the new one", () => {
  const servers = list();
  servers.update(config(oak, elm), {});
  const [oakBefore, elmBefore] = servers.known();
  const { revision } = servers;
  servers.update(config({ ...elm, id: "v0-ash" }, elm, oak), {});
  expect(servers.known().map(({ id }) => id)).toEqual(["v0-ash", "v0-elm", "v0-oak"]);
  expect(servers.known().slice(1)).toEqual([elmBefore, oakBefore]);
  expect(servers.known()[1]).toBe(elmBefore);
  expect(servers.known()[2]).toBe(oakBefore);
  expect(servers.revision).toBeGreaterThan(revision);
});

it("does not change where the configuration says the same in another order of fields", () => {
  const servers = list();
  servers.update(config({ ...oak, nickname: "Oak" }), {});
  const [before] = servers.known();
  const { revision } = servers;
  servers.update(config({ nickname: "Oak", addresses: oak.addresses, id: oak.id }), { "v0-elm": "another's" });
  expect(servers.known()[0]).toBe(before);
  expect(servers.revision).toBe(revision);
});

it.each<[string, ServerConfig, Record<string, string>]>([
  ["address", { ...oak, addresses: elm.addresses }, {}],
  ["seed", { ...oak, "permutation-seed-base32": "aaaqeayeaudaocajbifqydiob4" }, {}],
  ["swissnum", { ...oak, swissnum: "a" }, {}],
  ["swissnum from the page", oak, { "v0-oak": "a" }],
])("makes a server anew that has another %s", (_, changed, secrets) => {
  const servers = list();
  servers.update(config(oak), {});
  const [before] = servers.known();
  const { revision } = servers;
  servers.update(config(changed), secrets);
  expect(servers.known()[0]).not.toBe(before);
  expect(servers.revision).toBeGreaterThan(revision);
});

describe("a server that has left the list", () => {
  /** Servers that answer nothing but note what they were asked with. */
  function asking(servers: readonly ServerConfig[], secrets: Record<string, string>) {
    const asked: string[] = [];
    const list = new ConfiguredServerList(
      () => ({
        request({ headers, signal }) {
          asked.push(atob(String(headers.Authorization).replace("Tahoe-LAFS ", "")));
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        },
      }),
      { clock: systemClock, limits: defaultLimits },
    );
    list.update(config(...servers), secrets);
    return { list, asked };
  }

  const ask = ({ storage }: Server) => storage.listShares("aa", AbortSignal.timeout(50)).catch(codeOf);
  const codeOf = (error: unknown) => (isGridError(error) ? error.code : "under way");

  it.each<[string, Record<string, string>]>([
    ["its swissnum was taken back", {}],
    ["it has another swissnum", { "v0-oak": "second" }],
  ])("is asked no more by reads under way, where %s", async (_, secrets) => {
    const { list, asked } = asking([oak], { "v0-oak": "first" });
    const [before] = list.known();
    const underWay = ask(before!);
    list.update(config(oak), secrets);
    expect(await ask(before!)).toBe("SERVER_UNREACHABLE");
    // Nor is anything broken off.
    expect(await underWay).toBe("under way");
    expect(asked).toEqual(["first"]);
  });

  it("is asked on where it wants no swissnum", async () => {
    const asked: string[] = [];
    const list = new ConfiguredServerList(() => ({ request: ({ path }) => Promise.reject(asked.push(path)) }), {
      clock: systemClock,
      limits: defaultLimits,
    });
    list.update(config(oak), {});
    const [before] = list.known();
    list.update(config(elm), {});
    await ask(before!);
    expect(asked.length).toBe(1);
  });
});
