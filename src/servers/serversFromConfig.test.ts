import { expect, it } from "vitest";
import type { ServerConfig } from "../base/gridConfig.ts";
import type { HttpRequest } from "./HttpTransport.ts";
import { type Address, serversFromConfig } from "./serversFromConfig.ts";

const NURL = "pb://1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg@storage.example:3457";
const RELAY = "wss://relay.example/";
const url = { url: "http://127.0.0.1:4001/" };
const signal = new AbortController().signal;

/** What a server's first request goes to and with, of those addresses that `canUse` takes. */
async function firstRequest(
  entry: ServerConfig,
  secrets?: Record<string, string>,
  canUse: (address: Address) => boolean = () => true,
): Promise<unknown> {
  let seen: unknown = "nothing was asked";
  const [server] = serversFromConfig(
    { servers: [entry] },
    (address, name) =>
      canUse(address)
        ? {
            async request({ headers }: HttpRequest) {
              const authorization = String(headers.Authorization ?? "");
              seen = { name, address, swissnum: atob(authorization.replace("Tahoe-LAFS ", "")) };
              throw new Error("seen");
            },
          }
        : undefined,
    secrets,
  );
  const error = await server?.storage.listShares("aa", signal).catch((reason: unknown) => reason);
  return error instanceof Error && error.message === "seen" ? seen : error;
}

it("gives servers their names and permutation seeds", () => {
  const servers = serversFromConfig(
    {
      servers: [
        { id: "v0-oak", nickname: "Oak", "permutation-seed-base32": "aaaqeayeaudaocajbifqydiob4", addresses: [url] },
        { id: "v0-elm-and-more-of-it", addresses: [url] },
        { id: "v0-fir", nickname: "Fir\u202e\x1b[2J", addresses: [url] },
      ],
    },
    () => undefined,
  );
  expect(servers.map(({ id, name }) => [id, name])).toEqual([
    ["v0-oak", "Oak"],
    ["v0-elm-and-more-of-it", "v0-elm-and-"],
    ["v0-fir", "Fir<U+202E><U+001B>[2J"],
  ]);
  expect(servers[0]?.permutationSeed.length).toBe(16);
});

it.each<[string, ServerConfig, Record<string, string> | undefined, string]>([
  ["none", { id: "oak", addresses: [url] }, undefined, ""],
  ["the document's", { id: "oak", addresses: [url], swissnum: "a" }, undefined, "a"],
  ["its NURL's", { id: "oak", addresses: [{ nurl: `${NURL}/b#v=1`, relay: RELAY }] }, undefined, "b"],
  ["another address's", { id: "oak", addresses: [url, { nurl: `${NURL}/b#v=1`, relay: RELAY }] }, undefined, "b"],
  ["the page's for a NURL without one", { id: "oak", addresses: [{ nurl: `${NURL}/#v=1` }] }, { oak: "c" }, "c"],
  ["the page's before the document's", { id: "oak", addresses: [url], swissnum: "a" }, { oak: "c" }, "c"],
  ["the page's for any id", { id: "__proto__", addresses: [url] }, JSON.parse('{"__proto__": "c"}'), "c"],
  ["none for an id that every object knows", { id: "constructor", addresses: [url] }, {}, ""],
  ["none where the page's is another server's", { id: "oak", addresses: [url] }, { elm: "c" }, ""],
])("asks a server with %s swissnum", async (_, entry, secrets, swissnum) => {
  expect(await firstRequest(entry, secrets)).toMatchObject({ swissnum });
});

it("leaves out addresses that the platform cannot use", async () => {
  const entry = { id: "oak", nickname: "Oak", addresses: [{ nurl: `${NURL}/b#v=1` }, url] };
  expect(await firstRequest(entry, {}, (address) => "url" in address)).toMatchObject({ name: "Oak", address: url });
  expect(await firstRequest(entry, {}, () => false)).toMatchObject({
    code: "SERVER_UNREACHABLE",
    message: expect.stringContaining("Oak cannot be asked: it has no address that can be used here"),
  });
});
