import { decode as decodeByCborg, encode as encodeByCborg, Tagged } from "cborg";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CborSet, type CborValue, decodeCbor, type Encodable, encodeCbor } from "./cbor.ts";

const hex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Values that the storage protocol could hold; cborg gives -0 and 0 alike. */
const values: fc.Arbitrary<Encodable> = fc.letrec<{ value: Encodable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().map((number) => number + 0),
    fc.string({ unit: "binary" }).filter((text) => !/\p{Surrogate}/u.test(text)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 40 }),
    fc.dictionary(
      fc.string().filter((text) => text !== "__proto__"),
      tie("value"),
      { noNullPrototype: true },
    ),
  ),
})).value;

const asMaps = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return new Map(Object.entries(value).map(([key, inside]) => [key, asMaps(inside)]));
};

it("reads what another implementation wrote, and is read by it", () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(decodeCbor(encodeByCborg(value))).toEqual(asMaps(value));
      expect(decodeByCborg(encodeCbor(value), { useMaps: true, strict: true })).toEqual(asMaps(value));
    }),
  );
});

it("sets are arrays under tag 258", () => {
  expect([...encodeCbor(new CborSet([1, 2]))]).toEqual([...encodeByCborg(new Tagged(258, [1, 2]))]);
  expect(decodeCbor(encodeCbor({ shares: new CborSet([0, 255]) }))).toEqual(
    new Map([["shares", new CborSet([0, 255])]]),
  );
});

it.each<[string, CborValue]>([
  ["1bffffffffffffffff", 2n ** 64n - 1n],
  ["3bffffffffffffffff", -(2n ** 64n)],
  ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ["1b0020000000000000", 2n ** 53n],
  ["60", ""],
  ["40", new Uint8Array()],
])("%s is %s", (text, value) => {
  expect(decodeCbor(hex(text))).toEqual(value);
});

it.each([
  ["nothing", ""],
  ["bytes after the item", "0000"],
  ["an item that is cut off", "1901"],
  ["a text that is cut off", "6361"],
  ["an array longer than the message", "9affffffff00"],
  ["a text of 2^63 bytes", "7b8000000000000000"],
  ["a map of 2^32 entries", "bb0000000100000000"],
  ["numbers not in their shortest form", "1817"],
  ["the same in two bytes", "1900ff"],
  ["the same in four", "1a0000ffff"],
  ["the same in eight", "1b00000000ffffffff"],
  ["an array of open length", "9f00ff"],
  ["a text of open length", "7f6161ff"],
  ["a float", "f93c00"],
  ["undefined", "f7"],
  ["another simple value", "f0"],
  ["a break", "ff"],
  ["a reserved head", "1c"],
  ["a date", "c074323031332d30332d32315432303a30343a30305a"],
  ["a set that is no array", "d9010200"],
  ["a key that is there twice", "a2616100616101"],
  ["text that is not UTF-8", "61ff"],
  ["a text with half a surrogate pair", "63eda080"],
  ["nests of arrays", `${"81".repeat(20_000)}00`],
])("refuses %s", (_, text) => {
  expect(() => decodeCbor(hex(text))).toThrow(/./);
});

it("throws for any other bytes, or gives what is written as these bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      let value: CborValue;
      try {
        value = decodeCbor(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        return;
      }
      // What follows the head of a wide number may make it one that is read and never written.
      const mayBeWide = bytes.some((byte) => byte === 0x1b || byte === 0x3b);
      if (!mayBeWide) expect([...encodeCbor(value)]).toEqual([...bytes]);
    }),
    { numRuns: 2_000 },
  );
});

it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("does not write %d", (value) => {
  expect(() => encodeCbor(value)).toThrow("cannot be encoded");
});
