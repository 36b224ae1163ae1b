import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { netstring } from "../hashing/netstring.ts";
import { makeGeometry } from "./Geometry.ts";
import { checkUeb, formatUeb, MAX_SEGMENT_SIZE, parseUeb } from "./Ueb.ts";

const badFormat = (reason: RegExp) =>
  expect.objectContaining({
    code: "BAD_FORMAT",
    details: expect.objectContaining({ reason: expect.stringMatching(reason) }),
  });
const root = new Uint8Array(32).fill(0x3a); // colons, which must not end anything
const shareRoot = new Uint8Array(32).fill(0x2c);
const cap = { size: 310, needed: 3, total: 10 };
const geometry = makeGeometry({ ...cap, segmentSize: 120 });
const complete = { segmentSize: 120, ciphertextRootHash: root, shareRootHash: shareRoot, segmentCount: 3, ...cap };

type Entries = Record<string, string | Uint8Array>;
const indispensable: Entries = { crypttext_root_hash: root, segment_size: "120", share_root_hash: shareRoot };

function uebOf(entries: Entries): Uint8Array<ArrayBuffer> {
  return concatBytes(
    Object.entries(entries).flatMap(([key, value]) => [
      utf8(`${key}:`),
      netstring(typeof value === "string" ? utf8(value) : value),
    ]),
  );
}

test("what is written is read", () => {
  const bytes = formatUeb({ geometry, ciphertextHash: root, ciphertextRootHash: root, shareRootHash: shareRoot });
  expect(parseUeb(bytes)).toEqual(complete);
  expect(checkUeb(parseUeb(bytes), cap)).toEqual(geometry);
});

test("all eleven keys are written, sorted, the tail padded", () => {
  const ascii = new Uint8Array(32).fill(0x78);
  const bytes = formatUeb({ geometry, ciphertextHash: ascii, ciphertextRootHash: ascii, shareRootHash: ascii });
  const hash = `32:${"x".repeat(32)},`;
  expect(new TextDecoder().decode(bytes)).toBe(
    `codec_name:3:crs,codec_params:8:120-3-10,crypttext_hash:${hash}crypttext_root_hash:${hash}needed_shares:1:3,` +
      `num_segments:1:3,segment_size:3:120,share_root_hash:${hash}size:3:310,tail_codec_params:7:72-3-10,total_shares:2:10,`,
  );
  expect(bytes).toHaveLength(311);
});

test("G-06 three keys are enough", () => {
  const ueb = parseUeb(uebOf(indispensable));
  expect(ueb).toEqual({ segmentSize: 120, ciphertextRootHash: root, shareRootHash: shareRoot });
  expect(checkUeb(ueb, cap)).toEqual(geometry);
});

test("G-16 keys of old uploaders, and of ones to come, are passed over, in any order", () => {
  const more = { zeta: new Uint8Array([0, 255, 58, 44]), plaintext_hash: root, plaintext_root_hash: root, empty: "" };
  expect(parseUeb(uebOf({ ...more, ...indispensable }))).toEqual(parseUeb(uebOf(indispensable)));
});

describe("G-07 a UEB that contradicts the cap is refused", () => {
  test.each([
    ["size", "311", "the size in it is 310, and the file's own is 311"],
    ["needed_shares", "4", "k in it is 3, and the file's own is 4"],
    ["total_shares", "11", "N in it is 10, and the file's own is 11"],
  ])("READ-3 %s, which the cap says, too", (key, value, reason) => {
    expect(() => checkUeb(parseUeb(uebOf({ ...indispensable, [key]: value })), cap)).toThrow(
      expect.objectContaining({
        code: "BAD_CAP",
        details: { reason },
        message: `This cap does not fit its file: ${reason}. Is a digit wrong or missing?`,
      }),
    );
  });

  test("num_segments", () => {
    const ueb = parseUeb(uebOf({ ...indispensable, num_segments: "4" }));
    expect(() => checkUeb(ueb, cap)).toThrow(badFormat(/num_segments/));
  });
});

describe("G-09 an authentic UEB that cannot be used", () => {
  test.each(["segment_size", "crypttext_root_hash", "share_root_hash"])("without %s", (key) => {
    const { [key]: _, ...others } = indispensable;
    expect(() => parseUeb(uebOf(others))).toThrow(badFormat(new RegExp(`no ${key}`)));
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ["segment_size", "", /segment_size is not a number/],
    ["segment_size", "-3", /not a number/],
    ["segment_size", "12x", /not a number/],
    ["segment_size", "1e3", /not a number/],
    ["segment_size", " 3", /not a number/],
    ["segment_size", "9007199254740992", /not a number/],
    ["segment_size", "9".repeat(400), /not a number/],
    ["num_segments", "three", /num_segments is not a number/],
    ["crypttext_root_hash", root.subarray(1), /crypttext_root_hash is 31 bytes/],
    ["share_root_hash", new Uint8Array(33), /share_root_hash is 33 bytes/],
    ["share_root_hash", "", /share_root_hash is 0 bytes/],
  ])("%s %j", (key, value, reason) => {
    expect(() => parseUeb(uebOf({ ...indispensable, [key]: value }))).toThrow(badFormat(reason));
  });

  test.each(["0", "121", "1"])("a segment size of %s for k=3", (value) => {
    expect(() => checkUeb(parseUeb(uebOf({ ...indispensable, segment_size: value })), cap)).toThrow(
      badFormat(/segment/),
    );
  });

  test("a segment size beyond what is held in memory", () => {
    const ueb = parseUeb(uebOf({ ...indispensable, segment_size: String(MAX_SEGMENT_SIZE + 3) }));
    expect(() => checkUeb(ueb, cap)).toThrow(
      expect.objectContaining({
        code: "TOO_LARGE",
        details: { what: "segment size", value: MAX_SEGMENT_SIZE + 3, limit: MAX_SEGMENT_SIZE },
      }),
    );
  });
});

test.each([
  ["a key that comes twice", "size:3:310,size:3:310,"],
  ["no comma", "size:3:310;"],
  ["an end in the value", "size:3:31"],
  ["an end before the comma", "size:3:310"],
  ["an end in the length", "size:3"],
  ["an end in the key", "size"],
  ["no key", ":3:310,"],
  ["no length", "size::310,"],
  ["a length that is no number", "size:x:310,"],
  ["a negative length", "size:-1:310,"],
  ["a length beyond everything", "size:9007199254740991:310,"],
  ["bytes left over", "size:3:310,\n"],
  ["a key without end", "k".repeat(60_000)],
])("refuses %s", (_name, text) => {
  expect(() => parseUeb(concatBytes([uebOf(indispensable), utf8(text)]))).toThrow(badFormat(/./));
});

test("any bytes are a UEB, or an error that says why not; so is a UEB with any damage", () => {
  const right = formatUeb({ geometry, ciphertextHash: root, ciphertextRootHash: root, shareRootHash: shareRoot });
  const attempt = (bytes: Uint8Array) => {
    try {
      checkUeb(parseUeb(bytes), cap);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(BAD_FORMAT|TOO_LARGE|BAD_CAP)$/) });
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), attempt));
  fc.assert(
    fc.property(
      fc.nat({ max: right.length - 1 }),
      fc.nat({ max: 255 }),
      fc.nat({ max: right.length }),
      (at, byte, end) => {
        const damaged = right.slice();
        damaged[at] = byte;
        attempt(damaged);
        attempt(damaged.subarray(0, end));
      },
    ),
    // What is written there is well-formed, and another file's than the cap's.
    { examples: [[308, 48, 0]] },
  );
});
