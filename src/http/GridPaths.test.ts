import { describe, expect, it } from "vitest";
import { gridPaths, isGridRequest } from "./GridPaths.ts";

const scope = new URL("https://app.example/sub/");

const isGrid = (path: string, options = {}, method = "GET") =>
  isGridRequest({ method, url: new URL(path, scope).href }, gridPaths(scope, options));

const TAHOE = ["/sub/uri", "/sub/uri/x", "/sub/uri?uri=x", "/sub/cap", "/sub/cap/x", "/sub/file/x", "/sub/named/x/y"];
const APPS = [
  ...[
    "/",
    "/sub/",
    "/uri/x",
    "/sub/urix",
    "/sub/file",
    "/sub/named",
    "/sub/assets/uri/x",
    "/sub/grid.json",
    "/sub/grid",
  ],
  ...["/grid/x", "/other/grid/x", "/other/uri/x", "https://b.example/sub/grid/x"],
];

describe("the grid's paths", () => {
  it.each(["/sub/grid/x", "/sub/grid/x?t=json", "/sub/grid/"])("%s is one", (path) => {
    for (const tahoeForms of [false, true]) expect(isGrid(path, { tahoeForms })).toBe(true);
  });

  it.each(TAHOE)("%s is one where Tahoe-LAFS's forms are asked for, and the app's otherwise", (path) => {
    expect([isGrid(path, { tahoeForms: true }), isGrid(path)]).toEqual([true, false]);
  });

  it.each(APPS)("%s is the app's", (path) => {
    for (const tahoeForms of [false, true]) expect(isGrid(path, { tahoeForms })).toBe(false);
  });

  it("are in the folder that was chosen, and leave the usual one to the app", () => {
    const options = { prefix: "my/films" };
    expect(["/sub/my/films/x", "/sub/grid/x", "/sub/films/x"].map((path) => isGrid(path, options))).toEqual([
      ...[true, false, false],
    ]);
  });
});

it.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])(
  "a %s is the web server's, whatever it is for",
  (method) => {
    for (const path of ["/sub/grid/x", "/sub/file/upload", "/sub/uri"]) {
      expect(isGrid(path, { tahoeForms: true }, method)).toBe(false);
    }
  },
);

it("a HEAD is the grid's as a GET is", () => expect(isGrid("/sub/grid/x", {}, "HEAD")).toBe(true));

it.each([
  "",
  "/films",
  "films/",
  "a//b",
  "..",
  ".",
  "a/../b",
  "films?x",
  "fi lms",
  "film*",
  "https://b.example",
  "%2e%2e",
])("refuses the prefix %j", (prefix) => {
  expect(() => gridPaths(scope, { prefix })).toThrow(expect.objectContaining({ code: "BAD_URL" }));
});

it.each(["uri", "cap", "file", "named/x"])(
  "refuses %s as a prefix beside Tahoe-LAFS's forms, and takes it without",
  (prefix) => {
    expect(() => gridPaths(scope, { prefix, tahoeForms: true })).toThrow(/none of Tahoe-LAFS's forms/);
    expect(isGrid(`/sub/${prefix}/x`, { prefix })).toBe(true);
  },
);
