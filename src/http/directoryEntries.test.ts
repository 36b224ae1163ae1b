import { beforeAll, expect, it } from "vitest";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { mutableGolden } from "../files/testing/mutableGolden.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import type { DirectoryCap, MutableCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { entryOf, infoOf } from "./directoryEntries.ts";

beforeAll(installSynchronousCrypto);

type Facts = [kind: string, { mutable?: boolean; ro_uri: string; size?: number; metadata: Metadata }];
type Metadata = { tahoe: { linkcrtime: number; linkmotime: number } };

it("W-07: says of each child what a gateway says of it to whoever can read, and gives no write cap to whoever can write", async () => {
  const golden = mutableGolden("directory");
  const grid = new SimulatedGrid(10);
  const cap = parseCap(golden.cap) as DirectoryCap;
  for (const [number, bytes] of golden.versions[0]!)
    grid.servers[number]!.hold(storageIndexText((cap.content as MutableCap).storageIndex), number, bytes);
  const children = await grid.clock.runUntil(grid.nodes.directory(cap).list(new AbortController().signal));
  const [, { children: facts }] = golden.readListing as [string, { children: Record<string, Facts> }];
  expect(children.length).toBeGreaterThan(5);
  expect(children.map(entryOf)).toEqual(
    Object.entries(facts).map(([name, [kind, { mutable, ro_uri, size, metadata }]]) => ({
      name,
      kind: { filenode: "file", dirnode: "directory" }[kind] ?? "unknown",
      size,
      type: kind === "filenode" && name.endsWith(".txt") ? "text/plain; charset=utf-8" : undefined,
      mutable: kind === "unknown" ? undefined : mutable,
      cap: kind === "unknown" ? undefined : ro_uri,
      created: Math.round(metadata.tahoe.linkcrtime * 1000),
      modified: Math.round(metadata.tahoe.linkmotime * 1000),
    })),
  );
});

it.each([undefined, null, 7, "x", [], {}, { linkcrtime: "1", linkmotime: Number.NaN }, { linkcrtime: 1e300 }])(
  "knows no time where the metadata say %j",
  (tahoe) => {
    const child = { name: "a", cap: undefined, unknown: undefined, metadata: { tahoe } };
    expect(entryOf(child)).toMatchObject({ created: undefined, modified: undefined });
  },
);

it.each([
  [`URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:3:10:900`, "file", 900, "video/mp4", false],
  ["URI:LIT:nbuq", "file", 2, "video/mp4", false],
  [`URI:MDMF:${"a".repeat(26)}:${"a".repeat(52)}`, "file", undefined, "video/mp4", true],
  [`URI:DIR2:${"a".repeat(26)}:${"a".repeat(52)}`, "directory", undefined, undefined, true],
  ["URI:DIR2-LIT:", "directory", undefined, undefined, false],
  [`URI:SSK-Verifier:${"a".repeat(26)}:${"a".repeat(52)}`, "unknown", undefined, undefined, undefined],
])("tells by the cap alone what it names: %s", (cap, kind, size, type, mutable) => {
  expect(infoOf(parseCap(cap), "film.mp4")).toEqual({ kind, size, type, mutable });
});
