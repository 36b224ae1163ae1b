import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentDisposition } from "./contentDisposition.ts";

const HEADERS: [name: string, parameters: string][] = [
  ["film.webm", 'filename="film.webm"'],
  ["a b, c; d=e.txt", 'filename="a b, c; d=e.txt"'],
  ["Überflug.mp4", `filename="_berflug.mp4"; filename*=UTF-8''%C3%9Cberflug.mp4`],
  ["日本.txt", `filename="__.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt`],
  ["😀.txt", `filename="_.txt"; filename*=UTF-8''%F0%9F%98%80.txt`],
  ['say "hi".txt', `filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`],
  ["100%.txt", `filename="100_.txt"; filename*=UTF-8''100%25.txt`],
  ["é(1)*'.txt", `filename="_(1)*'.txt"; filename*=UTF-8''%C3%A9%281%29%2A%27.txt`],
  ["a\r\nSet-Cookie: b", 'filename="a__Set-Cookie: b"'],
  ["../../etc/passwd", 'filename="___.._etc_passwd"'],
  ["..\\evil.exe", 'filename="___evil.exe"'],
  [".bashrc", 'filename="_bashrc"'],
  ["..", 'filename="__"'],
  ["a\u202etxt.exe", 'filename="a_txt.exe"'],
  ["half\ud800.txt", `filename="half_.txt"; filename*=UTF-8''half%EF%BF%BD.txt`],
];

describe("contentDisposition", () => {
  it.each(HEADERS)("%j", (name, parameters) => {
    expect(contentDisposition("attachment", name)).toBe(`attachment; ${parameters}`);
  });

  it("can say inline", () => expect(contentDisposition("inline", "a.txt")).toBe('inline; filename="a.txt"'));

  it("is a header that cannot be broken out of, and brings the name back, for any name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (name) => {
        const header = contentDisposition("attachment", name);
        expect(new Headers({ "Content-Disposition": header }).get("Content-Disposition")).toBe(header);
        const [, plain, extended] =
          /^attachment; filename="([\x20-\x7e]*)"(?:; filename\*=UTF-8''([\w!#$&+.^`|~%-]*))?$/.exec(header) ?? [];
        expect(plain).not.toMatch(/["\\/]/);
        const back = extended === undefined ? plain : decodeURIComponent(extended);
        expect(back).toBe(
          name
            .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029/\\]/gu, "_")
            .replace(/^\.+/, (dots) => "_".repeat(dots.length)),
        );
      }),
    );
  });
});
