import { expect, it } from "vitest";
import { tahoeUrl } from "./tahoeUrl.ts";

const CAP = "URI:DIR2-RO:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";

it.each([
  [tahoeUrl("URI:LIT:my"), "/uri/URI%3ALIT%3Amy"],
  [
    tahoeUrl("URI:LIT:my", { filename: "a b&c.txt", download: true }),
    "/uri/URI%3ALIT%3Amy?filename=a%20b%26c.txt&save=true",
  ],
  [tahoeUrl("URI:LIT:my", { download: false, grid: "at home" }), "/uri/URI%3ALIT%3Amy?grid=at%20home"],
  [
    tahoeUrl("URI:LIT:my", { t: "json", base: new URL("https://app.example/sub/") }),
    "https://app.example/sub/uri/URI%3ALIT%3Amy?t=json",
  ],
  [tahoeUrl("URI:LIT:my", { path: ["a/b", "größe?", "x:y"] }), "/uri/URI%3ALIT%3Amy/a%2Fb/gr%C3%B6%C3%9Fe%3F/x%3Ay"],
])("%s", (made, expected) => {
  expect(made).toBe(expected);
});

it("has no raw colon after its base, and the cap comes out of it again", () => {
  const { pathname } = new URL(tahoeUrl(CAP, { path: ["film.mp4"] }), "https://app.example");
  expect(pathname).not.toContain(":");
  expect(pathname.split("/").map(decodeURIComponent)).toEqual(["", "uri", CAP, "film.mp4"]);
});

it("CAP-1 CAP-3 takes the cap out of what is around it, and refuses what is no text", () => {
  expect(tahoeUrl(` "${CAP}"\n`)).toBe(tahoeUrl(CAP));
  expect(() => tahoeUrl(undefined as unknown as string)).toThrow(expect.objectContaining({ code: "BAD_CAP" }));
});

it.each([".", ".."])("cannot have %j in its path: a browser would walk up, and lose the cap", (name) => {
  expect(() => tahoeUrl(CAP, { path: [name] })).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
});
