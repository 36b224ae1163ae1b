import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFileNodes, type FileNodes } from "../files/createFileNodes.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { goldenPlaintext } from "../formats/testing/golden.ts";
import { StaticServerList } from "../servers/StaticServerList.ts";
import { runGridfetch } from "./testing/runGridfetch.ts";
import type { TahoeClient } from "./testing/TahoeClient.ts";
import { TahoeGrid, tahoeBin } from "./testing/TahoeGrid.ts";
import { readServerList } from "./transport/readServerList.ts";

const MINUTE = 60_000;

describe.skipIf(tahoeBin === undefined)("with real Tahoe-LAFS (GRIDFETCH_TAHOE)", () => {
  let grid: TahoeGrid;
  let client: TahoeClient;
  let nodes: FileNodes;

  beforeAll(async () => {
    grid = await TahoeGrid.start(tahoeBin!, 5);
    client = await grid.startClient({ needed: 3, total: 10 });
    const { servers } = await readServerList(grid.serversFile);
    nodes = createFileNodes({ servers: new StaticServerList(servers.map(({ server }) => server)) });
  }, 3 * MINUTE);

  afterAll(() => grid?.stop(), MINUTE);

  const send = async (method: string, path: string, body: Uint8Array<ArrayBuffer> | string = ""): Promise<string> => {
    const reply = await fetch(new URL(path, client.gateway), { method, body });
    const text = await reply.text();
    if (!reply.ok) throw new Error(text);
    return text.trim();
  };

  const read = async (cap: string, range?: { offset: number; length: number }) => {
    const file = await nodes.openLatest(parseCap(cap), AbortSignal.timeout(MINUTE));
    return new Uint8Array(await new Response(file.read(range)).arrayBuffer());
  };

  // An MDMF segment has 131073 bytes: two whole ones and five bytes, and many.
  describe.each(["sdmf", "mdmf"])("%s", (format) => {
    test.each([0, 40, 262_151, 1_000_000])(
      "of %i bytes is read whole, and by ranges",
      { timeout: MINUTE },
      async (size) => {
        const plaintext = goldenPlaintext(format, size);
        const cap = await send("PUT", `/uri?format=${format}`, plaintext);
        expect(Buffer.compare(await read(cap), plaintext)).toBe(0);
        const part = { offset: Math.floor(size / 3), length: Math.floor(size / 2) };
        expect(Buffer.compare(await read(cap, part), plaintext.subarray(part.offset, part.offset + part.length))).toBe(
          0,
        );
      },
    );
  });

  test("the latest version is read, by a read cap too", { timeout: MINUTE }, async () => {
    const cap = await send("PUT", "/uri?format=mdmf", "first");
    const url = `/uri/${encodeURIComponent(cap)}`;
    for (const text of ["second", "third"]) await send("PUT", url, text);
    const readCap = (await (await fetch(new URL(`${url}?t=readonly-uri`, client.gateway))).text()).trim();
    expect(new TextDecoder().decode(await read(readCap))).toBe("third");
  });

  test.each([
    ["sdmf", 40],
    ["mdmf", 1_000_000],
  ])(
    "%s of %i bytes is read anew as soon as the gateway has overwritten it, five times over",
    {
      timeout: 2 * MINUTE,
    },
    async (format, size) => {
      const cap = await send("PUT", `/uri?format=${format}`, goldenPlaintext("0", size));
      const part = { offset: Math.floor(size / 2), length: Math.floor(size / 4) };
      await read(cap, part);
      for (let version = 1; version <= 5; version++) {
        const plaintext = goldenPlaintext(`${version}`, size);
        await send("PUT", `/uri/${encodeURIComponent(cap)}`, plaintext);
        expect(Buffer.compare(await read(cap, part), plaintext.subarray(part.offset, part.offset + part.length))).toBe(
          0,
        );
        expect(Buffer.compare(await read(cap), plaintext)).toBe(0);
      }
    },
  );

  test("a child is there as soon as the gateway has linked it, and away as soon as it is unlinked", {
    timeout: 2 * MINUTE,
  }, async () => {
    const directory = await send("POST", "/uri?t=mkdir");
    const opened = nodes.directory(parseCap(directory) as DirectoryCap);
    const list = async () => (await opened.list(AbortSignal.timeout(MINUTE))).map(({ name }) => name);
    const names: string[] = [];
    expect(await list()).toEqual(names);
    for (const name of ["a", "b", "c", "d", "e"]) {
      await send("PUT", `/uri/${encodeURIComponent(directory)}/${name}`, name);
      names.push(name);
      expect(await list()).toEqual(names);
    }
    await send("DELETE", `/uri/${encodeURIComponent(directory)}/c`);
    expect(await list()).toEqual(["a", "b", "d", "e"]);
  });

  test("gridfetch get prints the latest version", { timeout: MINUTE }, async () => {
    const cap = await send("PUT", "/uri?format=sdmf", "first");
    await send("PUT", `/uri/${encodeURIComponent(cap)}`, "second");
    const { status, stdout } = await runGridfetch(["get", cap, "--servers", grid.serversFile]);
    expect([status, stdout.toString()]).toEqual([0, "second"]);
  });

  test("a directory lists what its cap gives", { timeout: MINUTE }, async () => {
    const directory = await send("POST", "/uri?t=mkdir");
    const url = `/uri/${encodeURIComponent(directory)}`;
    await send("PUT", `${url}/${encodeURIComponent("gr\u00f6\u00dfe.txt")}`, "x".repeat(100));
    await send("PUT", `${url}/sub/deep.txt`, "deep");
    const list = (cap: string) => nodes.directory(parseCap(cap) as DirectoryCap).list(AbortSignal.timeout(MINUTE));
    const kinds = (children: Awaited<ReturnType<typeof list>>) =>
      children.map(({ name, cap }) => [name, cap && formatCap(cap).split(":")[1]]);
    expect(kinds(await list(directory))).toEqual([
      ["gr\u00f6\u00dfe.txt", "CHK"],
      ["sub", "DIR2"],
    ]);
    const readCap = (await (await fetch(new URL(`${url}?t=readonly-uri`, client.gateway))).text()).trim();
    const [file, sub] = await list(readCap);
    expect(formatCap(sub!.cap!)).toMatch(/^URI:DIR2-RO:/);
    expect(file!.metadata).toHaveProperty("tahoe.linkcrtime");
    expect(new TextDecoder().decode(await read(formatCap(file!.cap!)))).toBe("x".repeat(100));
  });
});
