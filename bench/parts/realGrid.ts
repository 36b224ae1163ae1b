import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { freePort } from "../../src/node/testing/freePort.ts";
import { TahoeGrid } from "../../src/node/testing/TahoeGrid.ts";
import { type Bench, type Part, tahoeBin } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { gridUrl } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { curlGateway } from "../curlGateway.ts";
import { gridConfig } from "../operatorCommands.ts";
import { startProxiedFront } from "../proxiedFront.ts";
import { startRelay } from "../startRelay.ts";
import { inTurn, median, ratioOf, round, speed } from "../statistics.ts";
import { uploadNoise } from "../uploadNoise.ts";

const MiB = 1024 * 1024;
export const ENCODING = { needed: 3, total: 10 };

const throughput = { unit: "x the real gateway's throughput", target: {} };
const firstByte = { unit: "x the real gateway's time to first byte", target: {} };
const measures = {
  "real.relay.throughput": throughput,
  "real.relay.first-byte": firstByte,
  "real.nginx.throughput": throughput,
  "real.nginx.first-byte": firstByte,
};

/**
 * Files on real Tahoe-LAFS servers, read by a page in Chromium in both ways (through a relay with TLS in the worker; through
 * nginx on the app's origin, by HTTP/2) and by the servers' own gateway, with curl. Each file is new to all of them.
 */
export const realGridPart: Part = {
  measures,
  async run(bench) {
    if (nginxBin === undefined) throw new Error("there is no nginx (GRIDFETCH_NGINX)");
    const closers: (() => Promise<void>)[] = [];
    try {
      const grid = await TahoeGrid.start(tahoeBin(bench), 5);
      closers.push(() => grid.stop());
      const client = await grid.startClient(ENCODING);
      const folder = await benchFolder(bench);
      const relay = await openRelayed(bench, grid, folder, closers);
      const nginx = await openProxied(bench, grid, folder, closers);
      await compareThroughput(bench, grid, { relay, nginx, gateway: client.gateway });
      await compareFirstBytes(bench, grid, { relay, nginx, gateway: client.gateway });
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

interface Ways {
  readonly relay: BenchBrowser;
  readonly nginx: BenchBrowser;
  readonly gateway: string;
}

async function compareThroughput(bench: Bench, grid: TahoeGrid, { relay, nginx, gateway }: Ways): Promise<void> {
  const size = (bench.isQuick ? 16 : 64) * MiB;
  const rounds = bench.isQuick ? 2 : 3;
  const caps = await uploadNoise(bench, grid, "large", rounds, size);
  const rest = { relay: [...caps], nginx: [...caps], gateway: [...caps] };
  const seconds = await inTurn(rounds, {
    relay: async () => (await relay.readAll(gridUrl(rest.relay.pop() ?? ""), size)).seconds,
    nginx: async () => (await nginx.readAll(gridUrl(rest.nginx.pop() ?? ""), size)).seconds,
    gateway: async () => (await curlGateway(gateway, rest.gateway.pop() ?? "", size)).seconds,
  });
  const rate = (of: readonly number[]) => speed(size / median(of));
  for (const way of ["relay", "nginx"] as const) {
    const details = `${size / MiB} MiB from 5 real servers: ours (Chromium) ${rate(seconds[way])}, gateway ${rate(seconds.gateway)}`;
    bench.report.add(`real.${way}.throughput`, throughput, ratioOf(seconds.gateway, seconds[way]), details);
  }
}

/** Connections are there; of the file nothing is known to anyone. */
async function compareFirstBytes(bench: Bench, grid: TahoeGrid, { relay, nginx, gateway }: Ways): Promise<void> {
  const size = MiB;
  const rounds = bench.isQuick ? 5 : 15;
  const caps = await uploadNoise(bench, grid, "small", rounds, size);
  const rest = { relay: [...caps], nginx: [...caps], gateway: [...caps] };
  const seconds = await inTurn(rounds, {
    relay: async () => (await relay.readAll(gridUrl(rest.relay.pop() ?? ""), size)).firstByte,
    nginx: async () => (await nginx.readAll(gridUrl(rest.nginx.pop() ?? ""), size)).firstByte,
    gateway: async () => (await curlGateway(gateway, rest.gateway.pop() ?? "", size)).firstByte,
  });
  const time = (of: readonly number[]) => `${round(median(of) * 1000)} ms`;
  for (const way of ["relay", "nginx"] as const) {
    const details = `a new file of 1 MiB: ours (Chromium) ${time(seconds[way])}, gateway ${time(seconds.gateway)}`;
    bench.report.add(`real.${way}.first-byte`, firstByte, ratioOf(seconds[way], seconds.gateway), details);
  }
}

/** A page whose worker reaches the servers through a relay. */
async function openRelayed(bench: Bench, grid: TahoeGrid, folder: string, closers: Closers): Promise<BenchBrowser> {
  const port = await freePort();
  const configFile = join(bench.folder, "relay.json");
  await writeFile(configFile, await gridConfig(grid.serversFile, "relay", `ws://127.0.0.1:${port}/`));
  const browser = await BenchBrowser.start(bench, folder, configFile);
  closers.push(() => browser.close());
  const relay = await startRelay(grid.serversFile, [new URL(browser.page.url()).origin], port);
  closers.push(() => relay.close());
  return browser;
}

/** A page on the origin of an nginx that passes on to the servers as `gridfetch proxy-config` would have it. */
export async function openProxied(
  bench: Bench,
  grid: TahoeGrid,
  folder: string,
  closers: Closers,
): Promise<BenchBrowser> {
  const front = await startProxiedFront(bench, grid, "nginx");
  closers.push(() => front.nginx.stop());
  const browser = await BenchBrowser.start(bench, folder, front.configFile, front);
  closers.push(() => browser.close());
  return browser;
}

type Closers = (() => Promise<void>)[];
