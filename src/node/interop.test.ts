import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeBase32 } from "../formats/base32.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { type GoldenFile, goldenFile, goldenPlaintext } from "../formats/testing/golden.ts";
import { relayAsV2 } from "../formats/testing/relayAsV2.ts";
import { parseNurl } from "../servers/parseNurl.ts";
import { newSecret, UploadServer } from "./encode/UploadServer.ts";
import { type CommandResult, runGridfetch } from "./testing/runGridfetch.ts";
import type { TahoeClient, TahoeEncoding } from "./testing/TahoeClient.ts";
import { TahoeGrid, tahoeBin } from "./testing/TahoeGrid.ts";
import { readServerList } from "./transport/readServerList.ts";

const MINUTE = 60_000;
const MIB = 1024 * 1024;

const ENCODINGS: (TahoeEncoding & { readonly maxSegmentSize: number; readonly sizes: readonly number[] })[] = [
  // Up to 55 bytes are a LIT. The last size has a first segment of 1 MiB and two bytes, then two more.
  { needed: 3, total: 10, maxSegmentSize: MIB, sizes: [0, 55, 56, 1000, 300_000, 3_000_000] },
  { needed: 1, total: 1, maxSegmentSize: MIB, sizes: [1000] },
  { needed: 2, total: 5, maxSegmentSize: 128 * 1024, sizes: [300_000] },
  // The limit is no multiple of k, so it is rounded up; what it then is goes into the convergent key.
  { needed: 7, total: 9, maxSegmentSize: 1000, sizes: [56, 9_009, 9_010] },
  { needed: 22, total: 66, maxSegmentSize: MIB, sizes: [300_000] },
  { needed: 3, total: 256, maxSegmentSize: MIB, sizes: [1000] },
];

describe.skipIf(tahoeBin === undefined)("with real Tahoe-LAFS (GRIDFETCH_TAHOE)", () => {
  let grid: TahoeGrid;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-interop-"));
    grid = await TahoeGrid.start(tahoeBin!, 5);
  }, 3 * MINUTE);

  afterAll(async () => {
    await grid?.stop();
    await rm(folder, { recursive: true });
  }, MINUTE);

  describe.each(ENCODINGS)("$needed of $total shares, segments of $maxSegmentSize", (encoding) => {
    let client: TahoeClient;

    beforeAll(async () => {
      client = await grid.startClient(encoding);
    }, 2 * MINUTE);

    afterAll(() => client?.stop(), MINUTE);

    const put = async (plaintext: Uint8Array) => {
      const { needed, total, maxSegmentSize } = encoding;
      const path = join(folder, "plaintext");
      await writeFile(path, plaintext);
      const shape = ["--k", `${needed}`, "--n", `${total}`, "--segment-size", `${maxSegmentSize}`];
      const secret = ["--convergence", encodeBase32(grid.convergence)];
      return runGridfetch(["put", path, "--servers", grid.serversFile, ...shape, ...secret]);
    };

    test.each(encoding.sizes)(
      "%i bytes from tahoe put are read by gridfetch get",
      { timeout: 2 * MINUTE },
      async (size) => {
        const plaintext = goldenPlaintext("tahoe put", size);
        const cap = await client.put(plaintext);
        const got = await runGridfetch(["get", cap, "--servers", grid.serversFile]);
        expectSuccess(got);
        expect(Buffer.compare(got.stdout, plaintext)).toBe(0);
        // The shares are there already, which must not change what the cap is.
        expect((await put(plaintext)).stdout.toString()).toBe(`${cap}\n`);
      },
    );

    test.each(encoding.sizes)(
      "%i bytes from gridfetch put are read by tahoe get",
      { timeout: 2 * MINUTE },
      async (size) => {
        const plaintext = goldenPlaintext("gridfetch put", size);
        const stored = await put(plaintext);
        expectSuccess(stored);
        const cap = stored.stdout.toString().trim();
        expect(Buffer.compare(await client.get(cap), plaintext)).toBe(0);
        expect(await client.put(plaintext)).toBe(cap);
      },
    );
  });

  test("version 2 shares as they are made here are read by tahoe get too", { timeout: 2 * MINUTE }, async () => {
    const file = relayAsV2(goldenFile("f1"));
    await giveShares(grid, file);
    const client = await grid.startClient({ needed: 3, total: 10 });
    expect(Buffer.compare(await client.get(file.cap), file.plaintext())).toBe(0);
    await client.stop();
    const got = await runGridfetch(["get", file.cap, "--servers", grid.serversFile]);
    expectSuccess(got);
    expect(Buffer.compare(got.stdout, file.plaintext())).toBe(0);
  });

  // Last, because it takes servers off the grid.
  describe("a file of three segments", () => {
    const plaintext = goldenPlaintext("three segments", 3_000_000);
    let cap: string;

    beforeAll(async () => {
      const client = await grid.startClient({ needed: 3, total: 10 });
      cap = await client.put(plaintext);
      await client.stop();
    }, 2 * MINUTE);

    test("is read in a range over a segment's end", { timeout: MINUTE }, async () => {
      const got = await runGridfetch(["get", cap, "--servers", grid.serversFile, "--range", "1048570-1048590"]);
      expectSuccess(got);
      expect(got.stdout).toEqual(Buffer.from(plaintext.subarray(1_048_570, 1_048_591)));
    });

    test("is not read from servers whose keys are not the pinned ones", { timeout: MINUTE }, async () => {
      const wrongPins = join(folder, "wrong-pins.yaml");
      const list = await readFile(grid.serversFile, "utf8");
      const flip = (_: string, first: string) => `pb://${first === "A" ? "B" : "A"}`;
      await writeFile(wrongPins, list.replaceAll(/pb:\/\/(.)(?=[^\n]*#v=1)/g, flip));
      const got = await runGridfetch(["get", cap, "--servers", wrongPins]);
      expect(got.status).toBe(1);
      expect(got.stdout).toHaveLength(0);
      expect(got.stderr).toContain("0 of the 3 shares");
      expect(got.stderr).toContain("its TLS key is not the one that its NURL names");
      for (const secret of [cap, ...grid.servers.map(({ nurl }) => parseNurl(nurl).swissnum!)]) {
        expect(got.stderr).not.toContain(secret);
      }
    });

    test("is read while two of five servers are gone; with one left the reason is told", {
      timeout: 2 * MINUTE,
    }, async () => {
      // Two shares on each server, and three are needed.
      await Promise.all(grid.servers.slice(0, 2).map((server) => server.stop()));
      const got = await runGridfetch(["get", cap, "--servers", grid.serversFile]);
      expectSuccess(got);
      expect(Buffer.compare(got.stdout, plaintext)).toBe(0);
      await Promise.all(grid.servers.slice(2, 4).map((server) => server.stop()));
      const failed = await runGridfetch(["get", cap, "--servers", grid.serversFile]);
      expect(failed.status).toBe(1);
      expect(failed.stderr).toContain("2 of the 3 shares");
    });
  });
});

function expectSuccess(result: CommandResult): void {
  // Its words say more than its status would.
  if (result.status !== 0) throw new Error(`gridfetch ended with status ${result.status}: ${result.stderr}`);
}

async function giveShares(grid: TahoeGrid, file: GoldenFile): Promise<void> {
  const cap = parseCap(file.cap);
  if (cap.kind !== "CHK") throw new Error("not a CHK cap");
  const storageIndex = storageIndexText(cap.storageIndex);
  const { servers } = await readServerList(grid.serversFile);
  const signal = AbortSignal.timeout(MINUTE);
  for (const [number, share] of file.shares) {
    const { server, transport, swissnum } = servers[number % servers.length]!;
    const upload = new UploadServer(server, transport, swissnum);
    const secret = newSecret();
    await upload.allocate(storageIndex, [number], share.length, secret, signal);
    expect(await upload.write(storageIndex, number, 0, share, secret, signal)).toBe(true);
  }
}
