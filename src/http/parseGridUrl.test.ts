import { describe, expect, it } from "vitest";
import { gridPaths } from "./GridPaths.ts";
import { parseGridUrl } from "./parseGridUrl.ts";

const paths = gridPaths(new URL("https://app.example/sub/"), { prefix: "my/films", tahoeForms: true });
const cap = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:900";
const quoted = encodeURIComponent(cap);

const parse = (path: string) => parseGridUrl(new URL(`https://app.example/sub${path}`), paths);

const FILES: [path: string, name: string | undefined, save?: boolean, t?: string][] = [
  [`/uri/${cap}`, undefined],
  [`/uri/${quoted}`, undefined],
  [`/cap/${cap}`, undefined],
  [`/uri/${cap}?filename=a%20b.webm`, "a b.webm"],
  [`/uri/${cap}?filename=a+b.webm`, "a b.webm"],
  [`/uri/${cap}?filename=`, undefined],
  [`/uri/${cap}?filename=one&filename=two`, "one"],
  [`/uri/${cap}?filename&filename=two`, "two"],
  [`/uri/${cap}?filename=a.txt&save=true`, "a.txt", true],
  [`/uri/${cap}?save=T`, undefined, true],
  [`/uri/${cap}?save=1`, undefined, true],
  [`/uri/${cap}?save=ON`, undefined, true],
  [`/uri/${cap}?save=false`, undefined],
  [`/uri/${cap}?save=F`, undefined],
  [`/uri/${cap}?save=0`, undefined],
  [`/uri/${cap}?save=off`, undefined],
  [`/uri/${cap}?save`, undefined],
  [`/uri/${cap}?json`, undefined],
  [`/uri/${cap}?t=json`, undefined, false, "json"],
  [`/uri/${cap}?t=%20uri%20`, undefined, false, "uri"],
  [`/uri/${cap}?mutable=true&when_done=x`, undefined],
  [`/file/${cap}`, undefined],
  [`/file/${cap}/`, undefined],
  [`/file/${cap}/name.mp4`, "name.mp4"],
  [`/named/${cap}/name.mp4`, "name.mp4"],
  [`/file/${cap}/@@named=/name.mp4`, "name.mp4"],
  [`/file/${quoted}/@@named=/name.mp4`, "name.mp4"],
  [`/file/${cap}/any/number/of/names.txt`, "names.txt"],
  [`/file/${cap}/@@named=/slash%2Fname.txt`, "slash/name.txt"],
  [`/file/${cap}/@@named=/plus+stays.txt`, "plus+stays.txt"],
  [`/file/${cap}/@@named=/%E6%97%A5%E6%9C%AC%3F.txt`, "日本?.txt"],
  [`/file/${cap}/@@named=/path.txt?filename=query.txt`, "query.txt"],
];

const BAD: [path: string, reason: RegExp][] = [
  ["/uri", /requires uri=/],
  ["/uri/", /requires uri=/],
  ["/uri?uri=", /^Invalid capability/],
  ["/uri?uri", /requires uri=/],
  [`/uri/%ff`, /UTF-8/],
  [`/file/${cap}/@@named=/%ff.txt`, /UTF-8/],
  [`/file/${cap}/%c3%28/name.txt`, /UTF-8/],
  [`/file/`, /is not a file-cap/],
  [`/file//name.txt`, /is not a file-cap/],
  ["/uri?uri=nonsense", /^Invalid capability: it does not start with URI:/],
  [`/uri?uri=${cap}a`, /^Invalid capability/],
  [`/uri/${cap}?save=yes`, /^invalid boolean argument/],
  [`/uri/${cap}?save=`, /^invalid boolean argument/],
];

describe("parseGridUrl", () => {
  it.each(FILES)("%s", (path, name, save = false, t = "") => {
    const form = /^.(?:uri|cap)/.test(path) ? "uri" : "file";
    expect(parse(path)).toEqual({ kind: "object", form, capText: cap, path: [], name, save, grid: undefined, t });
  });

  it.each(BAD)("refuses %s", (path, reason) => {
    expect(() => parse(path)).toThrow(
      expect.objectContaining({ code: "BAD_URL", message: expect.stringMatching(reason) }),
    );
  });

  it.each<[string, string[]]>([
    ["/", [""]],
    ["/child", ["child"]],
    ["/a%2Fb/%C3%A4/", ["a/b", "ä", ""]],
    ["//x", ["", "x"]],
  ])("hands on what follows the cap: %s", (rest, path) => {
    expect(parse(`/uri/${cap}${rest}`)).toMatchObject({ kind: "object", form: "uri", capText: cap, path });
  });

  it.each([
    [`/uri/${cap}?grid=work`, "work"],
    [`/file/${cap}/@@named=/film.webm?grid=at%20home%20%26`, "at home &"],
    [`/uri/${cap}?grid=`, undefined],
    [`/uri/${cap}`, undefined],
  ])("takes the grid's name from %s", (path, grid) => {
    expect(parse(path)).toMatchObject({ capText: cap, grid });
  });

  it("says why without repeating any of the URL", () => {
    for (const path of [`/uri/${cap}?save=${cap}`, `/uri?uri=x${cap}`, `/file/${cap}/%ff`]) {
      expect(() => parse(path)).toThrow(expect.objectContaining({ message: expect.not.stringContaining("CHK") }));
    }
  });

  it("moves the cap of /uri?uri= into the path and keeps the rest", () => {
    expect(parse(`/uri?uri=${quoted}&filename=a%20b&save=true`)).toEqual({
      kind: "redirect",
      location: `https://app.example/sub/uri/${quoted}?filename=a+b&save=true`,
    });
    expect(parse(`/uri/?uri=${cap}`)).toEqual({ kind: "redirect", location: `https://app.example/sub/uri/${quoted}` });
  });

  it.each([
    ["/my/films/kR3vX8q", "kR3vX8q", []],
    ["/my/films/kR3vX8q?filename=a.txt&t=uri", "kR3vX8q", []],
    ["/my/films/", "", []],
    ["/my/films/kR3vX8q/", "kR3vX8q", [""]],
    ["/my/films/kR3vX8q/file.mp4", "kR3vX8q", ["file.mp4"]],
    // As a URL is read anywhere: a part of two dots takes one away, encoded or not, and never leads above the folder.
    ["/my/films/kR3vX8q/x/%2e%2E/a%2Fb/./%C3%A4", "kR3vX8q", ["a/b", "ä"]],
  ])("%s is a handle's, whatever is asked besides", (path, handle, below) => {
    expect(parse(path)).toEqual({ kind: "handle", handle, path: below });
  });

  it("redirects within the form that was asked for", () => {
    const location = `https://app.example/sub/cap/${quoted}?t=json`;
    expect(parse(`/cap?t=json&uri=${quoted}`)).toEqual({ kind: "redirect", location });
  });

  it.each(["//evil.example/", "/../../", "https://evil.example/URI:LIT:", "URI:LIT:my/../../x"])(
    "redirects nowhere for uri=%s",
    (text) => expect(() => parse(`/uri?uri=${encodeURIComponent(text)}`)).toThrow(/^Invalid capability/),
  );
});
