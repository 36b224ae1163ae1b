import { expect, it } from "vitest";
import { parseGridConfig, serversFromConfig } from "./gridConfig.ts";

const SEED = "aaaqeayeaudaocajbifqydiob4";
const oak = {
  id: "v0-oak",
  url: "http://127.0.0.1:4001/",
  nickname: "Oak",
  swissnum: "sesame",
  "permutation-seed-base32": SEED,
};
const elm = { id: "v0-elm-and-more-of-it", url: "https://grid.example/elm" };

it("makes the servers that the document lists", () => {
  const asked: string[] = [];
  const servers = serversFromConfig(parseGridConfig({ servers: [oak, elm], comment: "ignored" }), (url, name) => {
    asked.push(`${name} ${url}`);
    return { request: () => Promise.reject(new Error("not here")) };
  });
  expect(servers.map(({ id, name }) => [id, name])).toEqual([
    ["v0-oak", "Oak"],
    ["v0-elm-and-more-of-it", "v0-elm-and-"],
  ]);
  expect(servers[0]?.permutationSeed.length).toBe(16);
  expect(asked).toEqual(["Oak http://127.0.0.1:4001/", "v0-elm-and- https://grid.example/elm"]);
});

it.each([
  ["no object", [oak], "servers"],
  ["no list", { servers: oak }, "servers"],
  ["no servers", { servers: [] }, "1 to"],
  ["an entry that is a text", { servers: [oak, "elm"] }, "servers[1] must be an object"],
  ["no id", { servers: [oak, { url: elm.url }] }, 'servers[1] has no "id"'],
  ["an empty id", { servers: [{ ...oak, id: "" }] }, 'servers[0]: "id"'],
  ["the same id twice", { servers: [oak, elm, oak] }, "servers[2]"],
  ["no url", { servers: [{ id: "v0-oak" }] }, 'servers[0] has no "url"'],
  ["a url of another kind", { servers: [{ ...oak, url: "ftp://127.0.0.1/" }] }, 'servers[0]: "url"'],
  ["a relative url", { servers: [{ ...oak, url: "/oak" }] }, 'servers[0]: "url"'],
  ["a url with a password", { servers: [{ ...oak, url: "http://me:sesame@127.0.0.1/" }] }, 'servers[0]: "url"'],
  ["a url with a query", { servers: [{ ...oak, url: "http://127.0.0.1/?a" }] }, 'servers[0]: "url"'],
  ["a nickname that is a number", { servers: [{ ...oak, nickname: 1 }] }, 'servers[0]: "nickname"'],
  [
    "a seed that is not base32",
    { servers: [{ ...oak, "permutation-seed-base32": "A1" }] },
    '"permutation-seed-base32"',
  ],
  ["a swissnum with a line break", { servers: [{ ...oak, swissnum: "sesame\r\nX: y" }] }, 'servers[0]: "swissnum"'],
])("refuses %s, naming the entry and the field", (_, document, part) => {
  let message = "it was accepted";
  try {
    parseGridConfig(document);
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain("The grid configuration cannot be used");
  expect(message).toContain(part);
  expect(message).not.toContain("sesame");
});
