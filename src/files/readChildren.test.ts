import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { isGridError } from "../base/GridError.ts";
import type { DirectoryCap, MutableCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { parseDirectory } from "../formats/parseDirectory.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { netstring } from "../hashing/netstring.ts";
import { readChildren } from "./readChildren.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { mutableGolden } from "./testing/mutableGolden.ts";
import { SimulatedGrid } from "./testing/SimulatedGrid.ts";

const LITERAL = parseCap("URI:DIR2-LIT:") as DirectoryCap;
const KEY = "aaaqeayeaudaocajbifqydiob4";
const HASH = "24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";
const READ_ONLY = parseCap(`URI:DIR2-RO:${KEY}:${HASH}`) as DirectoryCap;

const readDirectory = async (cap: DirectoryCap, bytes: Uint8Array) => readChildren(cap, parseDirectory(bytes));

function entry(name: string, readCap: string, metadata = "{}", writeField = ""): Uint8Array {
  const fields = [name, readCap, writeField, metadata].map((field) => netstring(utf8(field)));
  return netstring(Buffer.concat(fields));
}

describe("directories that real Tahoe-LAFS stored", () => {
  // What the gateway's JSON says of each child: a cap for each power, and the kind.
  type Listed = [kind: string, facts: { rw_uri?: string; ro_uri?: string; metadata?: unknown }];

  test.each([
    ["directory", "cap", "listing"],
    ["directory", "readCap", "readListing"],
    ["immutable-directory", "cap", "listing"],
  ] as const)("%s by its %s lists what the gateway lists", async (name, which, listing) => {
    installSynchronousCrypto();
    const golden = mutableGolden(name);
    const grid = new SimulatedGrid(5);
    const cap = parseCap(golden[which]) as DirectoryCap;
    const { storageIndex } = cap.content as MutableCap;
    for (const [number, bytes] of golden.versions[0] ?? []) {
      grid.servers[number]!.hold(storageIndexText(storageIndex), number, bytes);
    }
    const children = await grid.clock.runUntil(grid.nodes.directory(cap).list(new AbortController().signal));
    const [, { children: expected }] = golden[listing] as [string, { children: Record<string, Listed> }];
    expect(children.map((child) => child.name)).toEqual(Object.keys(expected));
    for (const child of children) {
      const [kind, facts] = expected[child.name] as Listed;
      expect(child.metadata).toEqual(facts.metadata);
      if (kind === "unknown") {
        expect(child.unknown).toEqual({ readWrite: facts.rw_uri, readOnly: facts.ro_uri });
      } else {
        expect(formatCap(child.cap!)).toBe(facts.rw_uri ?? facts.ro_uri);
      }
    }
  });

  test("one that was found again as it was is the same file: what was made of its content still holds", async () => {
    installSynchronousCrypto();
    const golden = mutableGolden("directory");
    const grid = new SimulatedGrid(5);
    const { content } = parseCap(golden.cap) as DirectoryCap;
    for (const [number, bytes] of golden.versions[0] ?? []) {
      grid.servers[number]!.hold(storageIndexText((content as MutableCap).storageIndex), number, bytes);
    }
    const open = () => grid.clock.runUntil(grid.nodes.openLatest(content, new AbortController().signal));
    const first = await open();
    // Longer than it is enough that those who had it still have it.
    await grid.clock.run(30_000);
    const searches = grid.requests.lists;
    expect(await open()).toBe(first);
    expect(grid.requests.lists).toBeGreaterThan(searches);
  });

  test("a literal directory is read from its cap", async () => {
    const cap = parseCap("URI:DIR2-LIT:gi4dumj2mewdcmr2kvjesosmjfkdu3tcovysymb2fqzdu635fqwa") as DirectoryCap;
    const grid = new SimulatedGrid(1);
    const [child, ...others] = await grid.nodes.directory(cap).list(new AbortController().signal);
    expect(child).toMatchObject({ name: "a", metadata: {} });
    expect(formatCap(child!.cap!)).toBe("URI:LIT:nbuq");
    expect(others).toEqual([]);
  });
});

test("names are compared in NFC, and the last of a name counts", async () => {
  const bytes = Buffer.concat([
    entry("A\u030a", "URI:LIT:nbuq"),
    entry("b", "URI:LIT:"),
    entry("\u212b", "URI:LIT:my"),
  ]);
  const children = await readDirectory(LITERAL, bytes);
  expect(children.map(({ name, cap }) => [name, formatCap(cap!)])).toEqual([
    ["\u00c5", "URI:LIT:my"],
    ["b", "URI:LIT:"],
  ]);
});

describe("a child that breaks a promise is left out, and its siblings are not", () => {
  const sibling = entry("sibling", "URI:LIT:my");
  const names = async (cap: DirectoryCap, child: Uint8Array) =>
    (await readDirectory(cap, Buffer.concat([child, sibling]))).map(({ name }) => name);

  test.each([
    [`URI:SSK-RO:${KEY}:${HASH}`, "a mutable child of an immutable directory"],
    [`URI:DIR2:${KEY}:${HASH}`, "a directory that can be written to"],
    ["URI:CHK:broken", "a broken cap"],
  ])("%s: %s", async (cap) => {
    expect(await names(LITERAL, entry("child", cap))).toEqual(["sibling"]);
  });

  test("a write cap in the slot of a read cap", async () => {
    expect(await names(READ_ONLY, entry("child", `URI:SSK:${KEY}:${HASH}`))).toEqual(["sibling"]);
    expect(await names(READ_ONLY, entry("child", `URI:SSK-RO:${KEY}:${HASH}`))).toEqual(["child", "sibling"]);
  });

  test("blanks after a cap are no part of it", async () => {
    expect(await names(LITERAL, entry("child", "URI:LIT:my   "))).toEqual(["child", "sibling"]);
  });

  test("millions of blanks within a cap are as soon seen as few", async () => {
    // Time in the square of their number would be an hour.
    expect(await names(LITERAL, entry("child", `URI:LIT:${" ".repeat(2 ** 20)}my`))).toEqual(["sibling"]);
  });
});

describe("children of unknown kinds keep what can be said of them", () => {
  const shown = async (cap: DirectoryCap, stored: string) =>
    (await readDirectory(cap, entry("x", stored)))[0]?.unknown?.readOnly;

  test.each(["foo", "ro.foo"])("%s in a mutable directory is read-only", async (stored) => {
    expect(await shown(READ_ONLY, stored)).toBe("ro.foo");
  });
  test("imm. stays", async () => expect(await shown(READ_ONLY, "imm.foo")).toBe("imm.foo"));
  test.each(["foo", "ro.foo", "imm.foo"])("%s in an immutable directory is immutable", async (stored) => {
    expect(await shown(LITERAL, stored)).toBe("imm.foo");
  });
  test("none at all is a child that cannot be opened", async () => {
    expect(await readDirectory(LITERAL, entry("x", ""))).toMatchObject([
      { name: "x", cap: undefined, unknown: { readOnly: undefined, readWrite: undefined } },
    ]);
  });
});

describe("a directory that is broken is refused as a whole", () => {
  const good = entry("a", "URI:LIT:my");
  test.each([
    ["cut short", good.subarray(0, good.length - 1)],
    ["something after it", Buffer.concat([good, utf8("x")])],
    ["a length that is no number", Buffer.concat([utf8("1x:a,"), good])],
    ["a length beyond the end", utf8("99:a,")],
    ["three fields", netstring(Buffer.concat(["a", "b", "c"].map((field) => netstring(utf8(field)))))],
    ["five fields", netstring(Buffer.concat(["a", "", "", "{}", ""].map((field) => netstring(utf8(field)))))],
    ["metadata that are no object", entry("a", "URI:LIT:my", "[]")],
    ["metadata that are not JSON", entry("a", "URI:LIT:my", "{")],
    ["a name that is not UTF-8", netstring(Buffer.concat([utf8("1:"), Uint8Array.of(255), utf8(",1:x,0:,2:{},")]))],
    ["a write cap in an immutable one", entry("a", "URI:LIT:my", "{}", "x".repeat(48))],
  ])("%s", async (_, bytes) => {
    await expect(readDirectory(LITERAL, bytes)).rejects.toMatchObject({ code: "BAD_FORMAT" });
  });

  test("any bytes are a directory or BAD_FORMAT", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.string().map(utf8)), async (bytes) => {
        const outcome = await readDirectory(LITERAL, bytes).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || isGridError(outcome, "BAD_FORMAT")).toBe(true);
      }),
    );
  });
});
