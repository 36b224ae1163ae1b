import { describe, expect, it } from "vitest";
import { parseGridConfig, parseServerSecrets } from "./parseGridConfig.ts";

const SEED = "aaaqeayeaudaocajbifqydiob4";
const PIN = "pb://1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg@storage.example:3457";
const RELAY = "wss://relay.example/way";
const url = { url: "http://127.0.0.1:4001/" };
const nurl = { nurl: `${PIN}/sesame#v=1`, relay: RELAY };
const oak = { id: "v0-oak", addresses: [url], nickname: "Oak", swissnum: "sesame", "permutation-seed-base32": SEED };
const elm = { id: "v0-elm", addresses: [nurl, { url: "https://grid.example/elm" }] };
const home = { name: "home", servers: [oak] };

function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return "it was accepted";
}

it("takes a document that is one grid, and leaves out what it does not know", () => {
  const document = { servers: [{ ...oak, color: "green" }, elm], comment: "ignored" };
  expect(parseGridConfig(document)).toEqual([{ servers: [oak, elm] }]);
  expect(parseGridConfig({ ...document, name: "home" })).toEqual([{ name: "home", servers: [oak, elm] }]);
});

it("takes several grids in their order, which may share servers", () => {
  const work = { name: "work", servers: [oak, elm] };
  expect(parseGridConfig({ grids: [home, work] })).toEqual([home, work]);
});

it("takes NURLs whose swissnum is kept elsewhere", () => {
  const server = { id: "v0-oak", addresses: [{ nurl: `${PIN}/#v=1` }] };
  expect(parseGridConfig({ servers: [server] })[0].servers).toEqual([server]);
});

const withAddress = (address: unknown) => ({ servers: [oak, { ...elm, addresses: [nurl, address] }] });

describe.each<[string, unknown, string]>([
  ["no object", [oak], "servers"],
  ["no list", { servers: oak }, "servers"],
  ["one grid and several", { servers: [oak], grids: [home] }, '"grids"'],
  ["no servers", { servers: [] }, '"servers" must list 1 to'],
  ["an entry that is a text", { servers: [oak, "elm"] }, "servers[1] must be an object"],
  ["no id", { servers: [oak, { addresses: [url] }] }, 'servers[1] has no "id"'],
  ["an empty id", { servers: [{ ...oak, id: "" }] }, 'servers[0]: "id"'],
  ["the same id twice", { servers: [oak, elm, oak] }, 'servers[2] has the "id"'],
  ["the form with a url beside the id", { servers: [{ id: "v0-oak", ...url }] }, 'servers[0] must have a list "addr'],
  ["no addresses", { servers: [{ ...oak, addresses: [] }] }, 'servers[0] must have a list "addresses" of 1'],
  ["an address that is a text", withAddress("http://127.0.0.1/sesame"), "servers[1].addresses[1] must be an object"],
  ["an address of neither kind", withAddress({ relay: RELAY }), "servers[1].addresses[1] must be an object with"],
  ["an address of both kinds", withAddress({ ...url, ...nurl }), "servers[1].addresses[1] must be an object with"],
  ["a url of another kind", withAddress({ url: "ftp://127.0.0.1/" }), 'servers[1].addresses[1]: "url"'],
  ["a relative url", withAddress({ url: "/oak" }), 'servers[1].addresses[1]: "url"'],
  ["a url with a password", withAddress({ url: "http://me:sesame@127.0.0.1/" }), 'addresses[1]: "url"'],
  ["a url with a query", withAddress({ url: "http://127.0.0.1/?a" }), 'addresses[1]: "url"'],
  ["a url with a relay", withAddress({ ...url, relay: RELAY }), 'addresses[1]: "relay" needs a "nurl"'],
  ["a NURL that is none", withAddress({ nurl: "pb://sesame" }), 'addresses[1]: "nurl"'],
  ["a relay by http", withAddress({ ...nurl, relay: "https://relay.example/" }), 'addresses[1]: "relay"'],
  ["a relay with a query", withAddress({ ...nurl, relay: `${RELAY}?token=sesame` }), 'addresses[1]: "relay"'],
  ["another swissnum than before", { servers: [{ ...elm, swissnum: "sesame2" }] }, "servers[0].addresses[0]"],
  ["a nickname that is a number", { servers: [{ ...oak, nickname: 1 }] }, 'servers[0]: "nickname"'],
  ["a seed that is not base32", { servers: [{ ...oak, "permutation-seed-base32": "A1" }] }, '"permutation-seed-'],
  ["a swissnum with a line break", { servers: [{ ...oak, swissnum: "sesame\r\nX: y" }] }, 'servers[0]: "swissnum"'],
  ["no grids", { grids: [] }, '"grids" must list 1 to'],
  ["a grid that is a text", { grids: [home, "work"] }, "grids[1] must be an object"],
  ["a grid without a name", { grids: [home, { servers: [oak] }] }, 'grids[1] has no "name"'],
  ["a grid without servers", { grids: [home, { name: "work" }] }, 'grids[1] must have a list "servers"'],
  ["an empty name", { name: "", servers: [oak] }, '"name" must be'],
  ["a name of two lines", { grids: [{ ...home, name: "a\nb" }] }, 'grids[0]."name" must be'],
  ["a name that turns text around", { name: "a\u202eb", servers: [oak] }, '"name" must be'],
  ["a URL with a line end", withAddress({ url: "http://127.0.0.1:4001/\n" }), 'addresses[1]: "url"'],
  ["a URL that turns text around", withAddress({ url: "http://127.0.0.1:4001/\u202e" }), 'addresses[1]: "url"'],
  ["the same name twice", { grids: [home, home] }, 'grids[1] has the "name"'],
  ["a server of another grid", { grids: [home, { name: "w", servers: [oak, {}] }] }, "grids[1].servers[1] has no"],
])("%s", (_, document, part) => {
  it("is refused, naming the entry and the field, and no secret or address", () => {
    const message = refusal(() => parseGridConfig(document));
    expect(message).toContain("The grid configuration cannot be used");
    expect(message).toContain(part);
    expect(message).not.toMatch(/sesame|127\.0\.0\.1|storage\.example|relay\.example/);
  });
});

it("takes a page's secrets, and names the server of one that cannot be", () => {
  expect(parseServerSecrets({ "v0-oak": "sesame" })).toEqual({ "v0-oak": "sesame" });
  const message = refusal(() => parseServerSecrets({ "v0-elm": "a", "v0-oak": "open sesame" }));
  expect(message).toContain("the secret of server v0-oak must be");
  expect(message).not.toContain("sesame");
  expect(refusal(() => parseServerSecrets(["sesame"]))).toContain("secrets must be an object");
});

it.each(["__proto__", "constructor"])("takes %s as an id like any other", (id) => {
  const [{ servers }] = parseGridConfig({ servers: [oak, { ...oak, id }] });
  expect(servers.map((server) => server.id)).toEqual([oak.id, id]);
  const secrets = parseServerSecrets(JSON.parse(`{"${id}": "sesame"}`));
  expect(Object.entries(secrets)).toEqual([[id, "sesame"]]);
});
