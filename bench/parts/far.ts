import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import type { Browser } from "@playwright/test";
import { placeClientApp } from "../../e2e/testing/clientApp.ts";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { TahoeGrid } from "../../src/node/testing/TahoeGrid.ts";
import { type Bench, type Part, tahoeBin } from "../Bench.ts";
import { gridUrl } from "../BenchGrid.ts";
import { type Distance, type FarFront, FarFronts } from "../FarFronts.ts";
import { FarVisitor } from "../FarVisitor.ts";
import { launchChromium } from "../launchChromium.ts";
import { median, round } from "../statistics.ts";
import { uploadNoise } from "../uploadNoise.ts";

const MiB = 1024 * 1024;
const ROUND_TRIP = 400;
const SERVERS = 10;
const ENCODING = { needed: 3, total: 10 };
const SIZE = 64 * MiB;
/** Further than a reader looks ahead, and no multiple of a segment. */
const FAR_AHEAD = 37 * MiB + 1;
/** Of the files that the gateway is asked for: several segments. A file is new to it once. */
const GATEWAY_SIZE = 4 * MiB;
/** What a reader takes before it seeks, in mid-transfer. */
const ENOUGH = 2 * MiB;
/** Connections that are opened ahead are there by then, and what a worker remembers is written. */
const SETTLED = 12 * ROUND_TRIP;

const STALL = 20_000;
/** Far from all that was read before. */
const STALLED_AT = 57 * MiB + 1;

const afterStall = { unit: "seconds from the network's return to the first verified byte", target: { most: 2 } };
const trips = (most?: number) => ({ unit: "round trips to the first verified byte", target: most ? { most } : {} });
const measures = {
  "far.relay.cold": trips(6.2),
  "far.relay.warm": trips(3.2),
  "far.relay.seek": trips(1.2),
  "far.relay.second-file": trips(2.2),
  "far.relay.restart-seek": trips(5.2),
  "far.nginx.cold": trips(3.2),
  "far.nginx.seek": trips(1.2),
  "far.nginx.second-file": trips(2.2),
  "far.relay.stall": afterStall,
  "far.nginx.stall": afterStall,
  "far.gateway.cold": trips(),
  "far.gateway.seek": trips(),
  "far.gateway.second-file": trips(),
};
type Step = "cold" | "warm" | "seek" | "second-file" | "restart-seek" | "stall";

/**
 * A visitor in Chromium who is 400 ms from nginx, behind which ten real servers are, reached by the relay or by nginx itself; beside
 * the servers' own gateway, asked by curl over as long a way and on one connection. Every step is timed near and far: the difference, in
 * units of 400 ms, is what the distance costs, whatever the machine is busy with.
 */
export const farPart: Part = {
  measures,
  async run(bench) {
    if (nginxBin === undefined) throw new Error("there is no nginx (GRIDFETCH_NGINX)");
    const { chromium: found } = bench;
    if ("missing" in found) throw new Error(`there is no Chromium: ${found.missing}`);
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const grid = await TahoeGrid.start(tahoeBin(bench), SERVERS);
      closers.push(() => grid.stop());
      const rounds = bench.isQuick ? 1 : 3;
      const caps = await uploadNoise(bench, grid, "far", 2, SIZE);
      const unread = await uploadNoise(bench, grid, "far-gateway", rounds * 4, GATEWAY_SIZE);
      const { gateway } = await grid.startClient(ENCODING);
      const folder = join(bench.folder, "far");
      const appFolder = join(folder, "app");
      await mkdir(appFolder, { recursive: true });
      await placePage(appFolder);
      const fronts = await FarFronts.start({ grid, gateway, appFolder, folder }, ROUND_TRIP);
      closers.push(() => fronts.close());
      // Where errors are only overlooked, Chromium opens every WebSocket twice.
      const browser = await launchChromium(found.path, [`--ignore-certificate-errors-spki-list=${fronts.spki}`]);
      closers.push(() => browser.close());
      await compare(
        bench,
        rounds,
        {
          visit: (front) => visit(browser, fronts, front, caps),
          askGateway: (distance) => askGateway(fronts.gateways[distance], unread.splice(0, 2)),
        },
        fronts,
      );
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

type Steps = Partial<Record<Step, number>>;

interface Asked {
  visit(front: FarFront): Promise<Steps>;
  askGateway(distance: Distance): Promise<Steps>;
}

async function compare({ report }: Bench, rounds: number, asked: Asked, { fronts }: FarFronts): Promise<void> {
  const times = new Map<string, Record<Distance, number[]>>();
  const note = (by: string, distance: Distance, steps: Steps): void => {
    for (const [step, seconds] of Object.entries(steps)) {
      const id = `far.${by}.${step}`;
      const all = times.get(id) ?? { near: [], far: [] };
      all[distance].push(seconds);
      times.set(id, all);
    }
  };
  for (let turn = 0; turn < rounds; turn++) {
    for (const front of fronts) note(front.way, front.distance, await asked.visit(front));
    for (const distance of ["near", "far"] as const) note("gateway", distance, await asked.askGateway(distance));
  }
  for (const [id, measured] of Object.entries(measures)) {
    const { near, far } = times.get(id) ?? { near: [], far: [] };
    if (measured === afterStall) {
      report.add(id, measured, median(far), `each ${far.map(round).join(", ")}`);
      continue;
    }
    const cost = ((median(far) - median(near)) * 1000) / ROUND_TRIP;
    const each = far.map((seconds) => round((seconds * 1000) / ROUND_TRIP)).join(", ");
    report.add(id, measured, cost, `far ${each} round trips in all, near ${round(median(near))} s`);
  }
}

/** Seconds of each step. */
async function visit(
  browser: Browser,
  fronts: FarFronts,
  { way, distance, url }: FarFront,
  [first = "", second = ""]: readonly string[],
): Promise<Steps> {
  const visitor = await FarVisitor.arrive(browser, url);
  const cold = await visitor.read(gridUrl(first), 0, ENOUGH);
  const seek = await visitor.read(gridUrl(first), FAR_AHEAD, ENOUGH);
  const secondFile = await visitor.read(gridUrl(second), 0, ENOUGH);
  const steps: Steps = { cold, seek, "second-file": secondFile };
  if (distance === "far") {
    fronts.standStill(STALL);
    steps.stall = (await visitor.read(gridUrl(first), STALLED_AT, 1)) - STALL / 1000;
  }
  if (way === "nginx") {
    await visitor.leave();
    return steps;
  }
  await setTimeout(SETTLED);
  await visitor.endWorker();
  const restartSeek = await visitor.read(gridUrl(second), FAR_AHEAD, 1);
  await visitor.leave();
  return { ...steps, "restart-seek": restartSeek, warm: await visitWarm(browser, url, first) };
}

async function visitWarm(browser: Browser, url: string, cap: string): Promise<number> {
  const visitor = await FarVisitor.arrive(browser, url);
  await visitor.connect();
  await setTimeout(SETTLED);
  const warm = await visitor.read(gridUrl(cap), 0, 1);
  await visitor.leave();
  return warm;
}

/** Seconds to the first byte of files that the gateway has never read, all on one connection, whose opening counts for the first. */
async function askGateway(gateway: string, [first = "", second = ""]: readonly string[]): Promise<Steps> {
  const places: readonly (readonly [cap: string, at: number])[] = [
    [first, 0],
    [first, GATEWAY_SIZE - 1],
    [second, 0],
  ];
  const args = places.flatMap(([cap, at], turn) => [
    ...(turn > 0 ? ["--next"] : []),
    ...["-s", "-o", "/dev/null", "-w", "%{http_code} %{time_starttransfer}\n", "-r", `${at}-${at}`],
    new URL(`uri/${encodeURIComponent(cap)}`, gateway).href,
  ]);
  const { stdout } = await promisify(execFile)("curl", args, { timeout: 120_000 });
  const [cold, seek, secondFile] = stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [status, seconds] = line.split(" ").map(Number);
      if (status !== 206 || seconds === undefined) throw new Error(`the gateway answered ${line}`);
      return seconds;
    });
  return { cold: cold!, seek: seek!, "second-file": secondFile! };
}

/** A page that does nothing by itself, and the built client and worker. */
async function placePage(folder: string): Promise<void> {
  await placeClientApp(folder);
  const script = 'import * as client from "/lib/client/index.js"; Object.assign(window, { client });';
  await writeFile(join(folder, "index.html"), `<!doctype html><script type="module">${script}</script>`);
}
