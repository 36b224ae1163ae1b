import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";

const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });

test.each([
  ["", ""],
  ["f", "my"],
  ["fo", "mzxq"],
  ["foo", "mzxw6"],
  ["foob", "mzxw6yq"],
  ["fooba", "mzxw6ytb"],
  ["foobar", "mzxw6ytboi"],
  ["hello, grid", "nbswy3dpfqqgo4tjmq"],
])("%j in base32 is %j (RFC 4648's vectors, in lower case and unpadded)", (text, encoded) => {
  expect(encodeBase32(utf8(text))).toBe(encoded);
  expect(decodeBase32(encoded)).toEqual(utf8(text));
});

test("any bytes come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(decodeBase32(encodeBase32(bytes), bytes.length)).toEqual(new Uint8Array(bytes));
    }),
  );
});

test("any text either is exactly what its bytes encode to, or is refused", () => {
  const letters = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567");
  const texts = fc.oneof(fc.string({ unit: letters, maxLength: 60 }), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(texts, (text) => {
      let bytes: Uint8Array;
      try {
        bytes = decodeBase32(text);
      } catch (error) {
        expect(error).toEqual(badFormat);
        return;
      }
      expect(encodeBase32(bytes)).toBe(text);
    }),
  );
});

test.each([
  ["upper case", "MZXW6"],
  ["padding", "my======"],
  ["a digit that is none", "m1"],
  ["a blank", "my "],
  ["a letter beyond ASCII", "mü"],
  ["a character of two code units", "m😀a"],
  ["bits left over", "mz"],
  ["1 character", "m"],
  ["3 characters", "mzx"],
  ["6 characters", "mzxw6y"],
])("refuses %s", (_name, text) => {
  expect(() => decodeBase32(text)).toThrow(badFormat);
});

test("checks the length", () => {
  const text = encodeBase32(new Uint8Array(16));
  expect(decodeBase32(text, 16)).toEqual(new Uint8Array(16));
  expect(() => decodeBase32(text, 15)).toThrow(badFormat);
  expect(() => decodeBase32(text, 17)).toThrow(badFormat);
  expect(() => decodeBase32(`${text}a`, 16)).toThrow(badFormat);
  expect(() => decodeBase32("", 16)).toThrow(badFormat);
});

test("16 and 32 bytes have the last characters that are left without bits over", () => {
  const endings = (length: number) =>
    [..."abcdefghijklmnopqrstuvwxyz234567"].filter((last) => {
      try {
        return decodeBase32("a".repeat(Math.ceil((length * 8) / 5) - 1) + last, length).length === length;
      } catch {
        return false;
      }
    });
  expect(endings(16).join("")).toBe("aeimquy4");
  expect(endings(32).join("")).toBe("aq");
});
