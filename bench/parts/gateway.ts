import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ChkCap } from "../../src/formats/Cap.ts";
import { parseCap } from "../../src/formats/parseCap.ts";
import { TahoeClient } from "../../src/node/testing/TahoeClient.ts";
import { TahoeGrid } from "../../src/node/testing/TahoeGrid.ts";
import { readServerList } from "../../src/node/transport/readServerList.ts";
import { parseNurl } from "../../src/servers/parseNurl.ts";
import { StaticServerList } from "../../src/servers/StaticServerList.ts";
import { type Bench, type Part, tahoeBin } from "../Bench.ts";
import { curlGateway } from "../curlGateway.ts";
import { DelayingProxies } from "../DelayingProxies.ts";
import { readWhole } from "../generated/readWhole.ts";
import { inTurn, median, ratioOf, round, speed } from "../statistics.ts";
import { uploadNoise } from "../uploadNoise.ts";

const MiB = 1024 * 1024;
const ROUND_TRIP = 100;
const ENCODING = { needed: 3, total: 10 };

const measures = {
  "e2e.gateway": { unit: "x the real gateway's throughput", target: { least: 1.2 } },
  "rtt.throughput": { unit: `x the real gateway's, at ${ROUND_TRIP} ms`, target: { least: 5 } },
};

/**
 * Real Tahoe-LAFS servers, read by their own gateway (with curl) and by us in Node, where TLS with pinned keys needs no proxy:
 * the fastest way to such servers that is supported. Then the same with every byte delayed.
 */
export const gatewayPart: Part = {
  measures,
  async run(bench) {
    const grid = await TahoeGrid.start(tahoeBin(bench), bench.isQuick ? 5 : 10);
    let proxies: DelayingProxies | undefined;
    try {
      await compareDirectly(bench, grid);
      proxies = await DelayingProxies.start(
        grid.servers.map(({ nurl }) => parseNurl(nurl).port),
        { roundTrip: ROUND_TRIP },
      );
      await compareDelayed(bench, grid, proxies.ports);
    } finally {
      await grid.stop();
      await proxies?.close();
    }
  },
};

async function compareDirectly(bench: Bench, grid: TahoeGrid): Promise<void> {
  const size = (bench.isQuick ? 32 : 256) * MiB;
  const [cap = ""] = await uploadNoise(bench, grid, "gateway-near", 1, size);
  const client = await grid.startClient(ENCODING);
  const seconds = await inTurn(bench.isQuick ? 2 : 3, {
    ours: () => readOurs(cap, grid.serversFile),
    gateway: async () => (await curlGateway(client.gateway, cap, size)).seconds,
  });
  await client.stop();
  const [ours, gateway] = [seconds.ours, seconds.gateway].map((of) => speed(size / median(of)));
  const details = `${size / MiB} MiB from ${grid.servers.length} real servers: ours (Node) ${ours}, gateway ${gateway}`;
  bench.report.add("e2e.gateway", measures["e2e.gateway"], ratioOf(seconds.gateway, seconds.ours), details);
}

async function compareDelayed(bench: Bench, grid: TahoeGrid, proxies: readonly number[]): Promise<void> {
  // No smaller in quick runs: the begin of a read would count for more.
  const size = 64 * MiB;
  const [cap = ""] = await uploadNoise(bench, grid, "gateway-far", 1, size);
  let list = await readFile(grid.serversFile, "utf8");
  for (const [i, { nurl }] of grid.servers.entries()) {
    list = list.replaceAll(`127.0.0.1:${parseNurl(nurl).port}/`, `127.0.0.1:${proxies[i]}/`);
  }
  const serversFile = join(bench.folder, "far-servers.yaml");
  await writeFile(serversFile, list, { mode: 0o600 });
  const client = await TahoeClient.start(tahoeBin(bench), {
    folder: join(bench.folder, "far-client"),
    template: join(dirname(grid.serversFile), "template"),
    serversFile,
    serverCount: grid.servers.length,
    convergence: grid.convergence,
    encoding: ENCODING,
  });
  try {
    const firstBytes: number[] = [];
    const seeks: number[] = [];
    const seconds = await inTurn(bench.isQuick ? 1 : 2, {
      ours: () => readOurs(cap, serversFile),
      gateway: async () => {
        const whole = await curlGateway(client.gateway, cap, size);
        firstBytes.push(whole.firstByte);
        seeks.push((await curlGateway(client.gateway, cap, 1, `${size / 2}-${size / 2}`)).firstByte);
        return whole.seconds;
      },
    });
    const [ours, gateway] = [seconds.ours, seconds.gateway].map((of) => speed(size / median(of)));
    const [first, seek] = [firstBytes, seeks].map((of) => round((median(of) * 1000) / ROUND_TRIP));
    const details = `${size / MiB} MiB: ours (Node) ${ours}, gateway ${gateway}, whose first byte takes ${first} and a seek ${seek} round trips`;
    bench.report.add("rtt.throughput", measures["rtt.throughput"], ratioOf(seconds.gateway, seconds.ours), details);
  } finally {
    await client.stop();
  }
}

async function readOurs(cap: string, serversFile: string): Promise<number> {
  const { servers } = await readServerList(serversFile);
  return readWhole(parseCap(cap) as ChkCap, new StaticServerList(servers.map(({ server }) => server)));
}
