import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { isGridError } from "../../base/GridError.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { goldenPlaintext } from "../../formats/testing/golden.ts";
import { HttpStorageClient } from "../../servers/HttpStorageClient.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { runCommandLine } from "../cli/runCommandLine.ts";
import { TahoeGrid, tahoeBin } from "../testing/TahoeGrid.ts";
import { Websockify } from "../testing/Websockify.ts";
import { nodeAddressTransport } from "../transport/nodeAddressTransport.ts";

const MINUTE = 60_000;
const ORIGIN = "https://app.example";
const signal = AbortSignal.timeout(10 * MINUTE);

interface RunningRelay {
  readonly url: string;
  stop(): Promise<void>;
}

/** `gridfetch relay`, as it is started on a command line. */
async function startOwn(serversFile: string): Promise<RunningRelay> {
  const stop = new AbortController();
  const stdout = new PassThrough();
  const args = ["relay", "--servers", serversFile, "--origin", ORIGIN, "--port", "0", "--allow-private"];
  const terminal = { stdin: new PassThrough().end(), stdout, stderr: new PassThrough(), signal: stop.signal };
  const running = runCommandLine(args, terminal);
  const [line] = (await once(stdout, "data")) as [Buffer];
  const { event, port } = JSON.parse(line.toString());
  expect(event).toBe("listening");
  stdout.resume();
  return {
    url: `ws://127.0.0.1:${port}/`,
    async stop() {
      stop.abort();
      expect(await running).toBe(0);
    },
  };
}

describe.skipIf(tahoeBin === undefined)("before real Tahoe-LAFS servers (GRIDFETCH_TAHOE)", () => {
  let folder: string;
  let grid: TahoeGrid;
  let storageIndex: string;
  const relays: Record<string, RunningRelay> = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-relays-"));
    grid = await TahoeGrid.start(tahoeBin!, 2);
    const client = await grid.startClient({ needed: 1, total: 2 });
    const cap = parseCap(await client.put(goldenPlaintext("relays", 5_000_000)));
    await client.stop();
    if (cap.kind !== "CHK") throw new Error("not a CHK cap");
    storageIndex = storageIndexText(cap.storageIndex);
    const nurls = grid.servers.map(({ nurl }) => nurl);
    relays["gridfetch relay"] = await startOwn(grid.serversFile);
    relays.websockify = await Websockify.start(tahoeBin!, folder, nurls, ORIGIN);
  }, 3 * MINUTE);

  afterAll(async () => {
    await Promise.all(Object.values(relays).map((relay) => relay.stop()));
    await grid?.stop();
    await rm(folder, { recursive: true });
  }, MINUTE);

  /** Through a relay, or directly where none is named. */
  const client = (index: number, relay?: string, change: { tlsId?: string; origin?: string } = {}) => {
    const nurl = { ...parseNurl(grid.servers[index]!.nurl), ...(change.tlsId && { tlsId: change.tlsId }) };
    const way = relay === undefined ? { nurl } : { nurl, relay: relays[relay]!.url };
    const transport = nodeAddressTransport(change.origin ?? ORIGIN)(way, "oak");
    return new HttpStorageClient(transport!, "oak", nurl.swissnum);
  };

  async function whole(storage: HttpStorageClient, offset = 0, length = 10_000_000): Promise<Buffer> {
    const [number = -1] = await storage.listShares(storageIndex, signal);
    const pieces: Uint8Array[] = [];
    for await (const piece of storage.readShare(storageIndex, number, offset, length, signal)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  describe.each(["gridfetch relay", "websockify"])("%s", (relay) => {
    it("gives the same bytes as the server itself, whole and in ranges, one by one and at once", async () => {
      for (const index of [0, 1]) {
        const direct = await whole(client(index));
        expect(direct.length).toBeGreaterThan(5_000_000);
        const storage = client(index, relay);
        expect((await whole(storage)).equals(direct)).toBe(true);
        const offsets = Array.from({ length: 12 }, (_, n) => n * 400_000);
        const parts = await Promise.all(offsets.map((offset) => whole(storage, offset, 300_000)));
        for (const [n, offset] of offsets.entries()) {
          expect(parts[n]!.equals(direct.subarray(offset, offset + 300_000))).toBe(true);
        }
      }
    });

    it("connects to no other server", async () => {
      const error = await client(0, relay, { tlsId: "A".repeat(43) })
        .listShares(storageIndex, signal)
        .catch((thrown: unknown) => thrown);
      expect(isGridError(error, "SERVER_UNREACHABLE")).toBe(true);
    });

    it("serves no other origin", async () => {
      const error = await client(0, relay, { origin: "https://evil.example" })
        .listShares(storageIndex, signal)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SERVER_UNREACHABLE", details: { why: "relay-origin" } });
    });

    it("takes binary messages alone, under the subprotocol binary or none", async () => {
      const { tlsId } = parseNurl(grid.servers[0]!.nurl);
      for (const protocols of [[], ["binary"]]) {
        const socket = new WebSocket(`${relays[relay]!.url}?token=${tlsId}`, protocols, { origin: ORIGIN });
        await once(socket, "open");
        expect(socket.protocol).toBe(protocols[0] ?? "");
        socket.send("text");
        expect((await once(socket, "close"))[0]).toBe(1003);
      }
    });
  });
});
