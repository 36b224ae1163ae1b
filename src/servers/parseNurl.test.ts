import { expect, it } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { parseNurl } from "./parseNurl.ts";

const TLS_ID = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
const SWISSNUM = "gwnh6mfqmxo3bvjncrvsbmwv2e";

it("takes a NURL apart", () => {
  expect(parseNurl(`pb://${TLS_ID.slice(0, -1)}g@storage.example:3457/${SWISSNUM}#v=1`)).toEqual({
    tlsId: TLS_ID,
    host: "storage.example",
    port: 3457,
    swissnum: SWISSNUM,
  });
  expect(parseNurl(`pb://${TLS_ID}@[::1]:1/${SWISSNUM}#v=1`).host).toBe("::1");
});

it("takes one whose swissnum is kept elsewhere", () => {
  expect(parseNurl(`pb://${TLS_ID}@storage.example:3457/#v=1`)).toEqual({
    tlsId: TLS_ID,
    host: "storage.example",
    port: 3457,
  });
});

it.each([
  ["the version", `pb://${TLS_ID}@127.0.0.1:80/${SWISSNUM}`],
  ["another version", `pb://${TLS_ID}@127.0.0.1:80/${SWISSNUM}#v=2`],
  ["the port", `pb://${TLS_ID}@127.0.0.1/${SWISSNUM}#v=1`],
  ["a possible port", `pb://${TLS_ID}@127.0.0.1:65536/${SWISSNUM}#v=1`],
  ["a whole tls id", `pb://${TLS_ID.slice(1)}@127.0.0.1:80/${SWISSNUM}#v=1`],
  ["a canonical tls id", `pb://${TLS_ID.slice(0, -1)}h@127.0.0.1:80/${SWISSNUM}#v=1`],
  ["its scheme", `https://${TLS_ID}@127.0.0.1:80/${SWISSNUM}#v=1`],
  ["a single line", `pb://${TLS_ID}@127.0.0.1:80/${SWISSNUM}#v=1\n`],
  ["one host", `pb://${TLS_ID}@127.0.0.1:80,127.0.0.2:80/${SWISSNUM}#v=1`],
])("refuses a text without %s, and does not repeat it", (_, text) => {
  let thrown: unknown;
  try {
    parseNurl(text);
  } catch (error) {
    thrown = error;
  }
  expect(isGridError(thrown, "BAD_CONFIG")).toBe(true);
  expect(String(thrown)).not.toContain(SWISSNUM);
});
