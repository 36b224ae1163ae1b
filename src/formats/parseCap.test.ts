import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GridError } from "../base/GridError.ts";
import { encodeBase32 } from "./base32.ts";
import type { Cap, ChkCap } from "./Cap.ts";
import { formatCap, readCapOf, verifyCapOf } from "./formatCap.ts";
import { parseCap } from "./parseCap.ts";
import { storageIndexOf, storageIndexText } from "./storageIndex.ts";

const KEY = "aaaqeayeaudaocajbifqydiob4";
const HASH = "24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";
const CHK = `URI:CHK:${KEY}:${HASH}:3:10:900`;

function refusal(text: string): GridError<"BAD_CAP"> {
  try {
    parseCap(text);
  } catch (error) {
    expect(error).toBeInstanceOf(GridError);
    expect(error).toMatchObject({ code: "BAD_CAP" });
    return error as GridError<"BAD_CAP">;
  }
  throw new Error("was not refused");
}

test("a CHK cap", () => {
  const cap = parseCap(CHK) as ChkCap;
  expect(cap).toMatchObject({ kind: "CHK", needed: 3, total: 10, size: 900 });
  expect(cap.key).toEqual(Uint8Array.from({ length: 16 }, (_, i) => i));
  expect(cap.uebHash).toHaveLength(32);
  expect(storageIndexText(cap.storageIndex)).toBe("hdis5iaveku6lnlaiccydyid7q");
  expect(formatCap(cap)).toBe(CHK);
});

test("its verify cap", () => {
  const verify = verifyCapOf(parseCap(CHK) as ChkCap);
  expect(verify).not.toHaveProperty("key");
  const text = `URI:CHK-Verifier:hdis5iaveku6lnlaiccydyid7q:${HASH}:3:10:900`;
  expect(formatCap(verify)).toBe(text);
  expect(parseCap(text)).toEqual(verify);
});

test("LIT caps", () => {
  const cap = parseCap("URI:LIT:nbswy3dpfqqgo4tjmq");
  expect(cap).toEqual({ kind: "LIT", data: new TextEncoder().encode("hello, grid") });
  expect(parseCap("URI:LIT:")).toEqual({ kind: "LIT", data: new Uint8Array() });
});

test("leading zeroes of numbers are dropped", () => {
  const cap = parseCap(`URI:CHK:${KEY}:${HASH}:03:010:0900`) as ChkCap;
  expect(formatCap(cap)).toBe(CHK);
});

test.each([
  [1, 1, 1],
  [256, 256, 1],
  [1, 10, 2 ** 52],
  [3, 10, 2 ** 53 - 1],
])("k=%i, N=%i and size %i are possible", (k, n, size) => {
  expect(parseCap(`URI:CHK:${KEY}:${HASH}:${k}:${n}:${size}`)).toMatchObject({ needed: k, total: n, size });
});

const field = (first: string, hash: string, rest: string) => `URI:CHK:${first}:${hash}:${rest}`;
test.each([
  ["", /^it is empty$/],
  ["lib.html", /URI:/],
  [` ${CHK}`, /URI:/],
  [`uri:${CHK.slice(4)}`, /URI:/],
  [`URI:chk${CHK.slice(7)}`, /kind/],
  ["URI:NEW:abc", /kind/],
  ["URI:constructor:abc", /kind/],
  ["URI:CHK", /cut off/],
  [`${CHK}\n`, /size/],
  [field(KEY, HASH, `1:10:${2 ** 53 - 1}`), /shares could not be read/],
  [`${CHK}:1`, /6 fields/],
  [field(KEY, HASH, "3:10"), /4 fields/],
  [field(KEY.toUpperCase(), HASH, "3:10:900"), /key/],
  [field(`${KEY.slice(0, -1)}5`, HASH, "3:10:900"), /key/],
  [field(KEY.slice(1), HASH, "3:10:900"), /key/],
  [field("", HASH, "3:10:900"), /key/],
  [field(KEY, `${HASH}a`, "3:10:900"), /UEB hash/],
  [field(KEY, HASH, "0:10:900"), /k is 0/],
  [field(KEY, HASH, "11:10:900"), /k is more/],
  [field(KEY, HASH, "3:257:900"), /256/],
  [field(KEY, HASH, "3:10:0"), /size is 0/],
  [field(KEY, HASH, "3:10:-1"), /size/],
  [field(KEY, HASH, "3:10:9e2"), /size/],
  [field(KEY, HASH, "3:10:"), /size/],
  [field(KEY, HASH, "3:10:9007199254740992"), /2\^53/],
  [field(KEY, HASH, "3:10:100000000000000000000"), /2\^53/],
  [field(KEY, HASH, `${"9".repeat(1000)}:10:900`), /2\^53/],
  [field(KEY, HASH, "3:1.5:900"), /N/],
  ["URI:LIT:nbswy3dpfqqgo4tjm", /data/],
  [`URI:CHK-Verifier:${HASH}:${HASH}:3:10:900`, /storage index/],
  [`ro.imm.${CHK}`, /URI:/],
])("G-14 refuses %j and says why", (text, reason) => {
  expect(refusal(text).details.reason).toMatch(reason);
});

describe("the promises imm. and ro. before a cap", () => {
  const chk = CHK.slice("URI:CHK:".length);
  const pair = `${KEY}:${HASH}`;
  const immutable = [
    `URI:DIR2-CHK:${chk}`,
    "URI:DIR2-LIT:my",
    `URI:DIR2-CHK-Verifier:${chk}`,
    ...["SSK", "MDMF", "DIR2", "DIR2-MDMF"].map((kind) => `URI:${kind}-Verifier:${pair}`),
  ];
  const readable = ["SSK-RO", "MDMF-RO", "DIR2-RO", "DIR2-MDMF-RO"].map((kind) => `URI:${kind}:${pair}`);
  const writable = ["SSK", "MDMF", "DIR2", "DIR2-MDMF"].map((kind) => `URI:${kind}:${pair}`);

  test.each(["", "ro.", "imm."])("%j before CHK, CHK-Verifier and LIT", (promise) => {
    for (const text of [CHK, formatCap(verifyCapOf(parseCap(CHK) as ChkCap)), "URI:LIT:my"]) {
      expect(parseCap(promise + text)).toEqual(parseCap(text));
    }
  });

  test.each(immutable)("%s keeps both", (text) => {
    for (const promise of ["", "ro.", "imm."]) expect(formatCap(parseCap(promise + text))).toEqual(text);
  });

  test.each(readable)("%s cannot be immutable", (text) => {
    for (const promise of ["", "ro."]) expect(formatCap(parseCap(promise + text))).toEqual(text);
    expect(refusal(`imm.${text}`).details.reason).toMatch(/immutable/);
  });

  test.each(writable)("%s keeps neither", (text) => {
    expect(formatCap(parseCap(text))).toEqual(text);
    expect(refusal(`ro.${text}`).details.reason).toMatch(/writing/);
    expect(refusal(`imm.${text}`).details.reason).toMatch(/immutable/);
  });
});

describe("caps of mutable files and directories", () => {
  const pair = `${KEY}:${HASH}`;

  test.each(["MDMF", "MDMF-RO", "MDMF-Verifier", "DIR2-MDMF", "DIR2-MDMF-RO", "DIR2-MDMF-Verifier"])(
    "%s may end in hints, which are dropped",
    (kind) => {
      for (const hints of [":3:131073", ":", ":x:y:z"]) {
        expect(formatCap(parseCap(`URI:${kind}:${pair}${hints}`))).toBe(`URI:${kind}:${pair}`);
      }
    },
  );

  test.each([
    [`URI:SSK:${pair}:3`, /3 fields/],
    [`URI:SSK:${KEY}`, /1 field /],
    [`URI:DIR2-RO:${pair}:3`, /3 fields/],
    [`URI:SSK:${KEY.slice(1)}:${HASH}`, /write key/],
    [`URI:SSK-RO:${KEY.slice(1)}:${HASH}`, /read key/],
    [`URI:DIR2-Verifier:${KEY.slice(1)}:${HASH}`, /storage index/],
    [`URI:MDMF:${KEY}:${HASH.slice(1)}`, /fingerprint/],
  ])("%s is refused, saying why", (text, reason) => {
    expect(refusal(text).details.reason).toMatch(reason);
  });

  test("a write cap leads to its read and verify caps, in directories too", () => {
    for (const kind of ["SSK", "MDMF", "DIR2", "DIR2-MDMF"]) {
      const readable = readCapOf(parseCap(`URI:${kind}:${pair}`));
      expect(formatCap(readable)).toMatch(new RegExp(`^URI:${kind}-RO:[a-z2-7]{26}:${HASH}$`));
      expect(formatCap(parseCap(formatCap(readable)))).toBe(formatCap(readable));
      const verify = verifyCapOf(readable);
      expect(formatCap(verify as Cap)).toMatch(new RegExp(`^URI:${kind}-Verifier:[a-z2-7]{26}:${HASH}$`));
      expect(verifyCapOf(verify as Cap)).toEqual(verify);
    }
    expect(verifyCapOf(parseCap("URI:DIR2-LIT:"))).toBeUndefined();
    expect(formatCap(verifyCapOf(parseCap(`URI:DIR2-CHK:${CHK.slice(8)}`)) as Cap)).toMatch(/^URI:DIR2-CHK-Verifier:/);
  });
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b));
const chkCaps = fc
  .record({
    key: bytes(16),
    uebHash: bytes(32),
    total: fc.integer({ min: 1, max: 256 }),
    needed: fc.integer({ min: 1, max: 256 }),
    size: fc.maxSafeInteger().map((n) => Math.max(1, Math.abs(n))),
  })
  .filter(({ needed, total, size }) => needed <= total && size / needed <= 2 ** 52)
  .map((cap): ChkCap => ({ kind: "CHK", storageIndex: storageIndexOf(cap.key), ...cap }));

test("any CHK and LIT cap comes back", () => {
  fc.assert(
    fc.property(chkCaps, fc.uint8Array({ maxLength: 60 }), (cap, data) => {
      expect(parseCap(formatCap(cap))).toEqual(cap);
      expect(parseCap(formatCap(verifyCapOf(cap)))).toEqual(verifyCapOf(cap));
      expect(parseCap(formatCap({ kind: "LIT", data: new Uint8Array(data) }))).toEqual({
        kind: "LIT",
        data: new Uint8Array(data),
      });
    }),
  );
});

test("any text is a cap or BAD_CAP, and an error never repeats a part of a secret", () => {
  const damages = fc.record({
    at: fc.nat(),
    cut: fc.nat({ max: 3 }),
    put: fc.string({ unit: "binary", maxLength: 3 }),
  });
  fc.assert(
    fc.property(chkCaps, damages, (cap, { at, cut, put }) => {
      const text = formatCap(cap);
      const start = at % text.length;
      const damaged = text.slice(0, start) + put + text.slice(start + cut);
      try {
        parseCap(damaged);
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_CAP" });
        const said = `${(error as Error).message} ${JSON.stringify((error as GridError).details)}`;
        const key = encodeBase32(cap.key);
        for (let i = 0; i + 6 <= key.length; i++) expect(said).not.toContain(key.slice(i, i + 6));
      }
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "URI:", "URI:CHK:", "URI:LIT:"), (text, start) => {
      try {
        parseCap(start + text);
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_CAP" });
      }
    }),
  );
});

describe("CAP-2 a cap that is cut off says so", () => {
  const SSK = `URI:SSK:${KEY}:${"a".repeat(52)}`;
  const cuts = [CHK.slice(0, 3), CHK.slice(0, 4), CHK.slice(0, 7), CHK.slice(0, 20)].concat(
    [1, 2, 3, 4].map((fields) =>
      CHK.split(":")
        .slice(0, 2 + fields)
        .join(":"),
    ),
    [CHK.slice(0, CHK.lastIndexOf(":") + 1), SSK.slice(0, 20), SSK.slice(0, -1), SSK.slice(0, -52)],
    ["URI:LIT:nbswy3dpfqqgo4tjm", "URI:DIR2-LIT:nbsw"],
  );

  test.each(cuts.map((text) => [text.length, text]))("after %i characters", (_length, text) => {
    expect(() => parseCap(text)).toThrow(
      expect.objectContaining({ code: "BAD_CAP", message: expect.stringMatching(/: it seems to be cut off\.$/) }),
    );
  });

  test("and one that has too much does not", () => {
    expect(() => parseCap(`${CHK}:1`)).toThrow(/has 6 fields after its kind instead of 5\.$/);
    expect(() => parseCap(`${SSK}a`)).toThrow(/not right base32/);
  });
});
