import { Random } from "../../src/files/testing/random.ts";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { TahoeGrid } from "../../src/node/testing/TahoeGrid.ts";
import { type Bench, type Part, tahoeBin } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { gridUrl } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { type ProxiedFront, startProxiedFront } from "../proxiedFront.ts";
import { round } from "../statistics.ts";
import { uploadNoise } from "../uploadNoise.ts";

const MiB = 1024 * 1024;
const MB = 1_000_000;
const SERVERS = 10;
const SEEKS = 8;
/** What a visitor takes where he has jumped to. */
const WATCHED = 8 * MiB;

const measures = {
  "shared-cache.hits": { unit: "of a second visitor's bytes, from the start", target: { least: 0.97 } },
  "shared-cache.hits.seeks": { unit: "the same of one who seeks at random", target: { least: 0.8 } },
};

/** Share data that went to a visitor, and how much of it nginx had, in bytes. */
interface Served {
  readonly all: number;
  readonly kept: number;
  readonly requests: number;
}

/**
 * One file on ten real servers behind nginx as `proxy-config --cache` has it, read by three visitors in Chromium one after the other, each with a
 * new profile: from the start to the end, the same again, and at random places.
 */
export const sharedCachePart: Part = {
  measures,
  async run(bench) {
    if (nginxBin === undefined) throw new Error("there is no nginx (GRIDFETCH_NGINX)");
    const size = (bench.isQuick ? 64 : 256) * MiB;
    const closers: (() => Promise<void>)[] = [];
    try {
      const grid = await TahoeGrid.start(tahoeBin(bench), SERVERS);
      closers.push(() => grid.stop());
      const [cap = ""] = await uploadNoise(bench, grid, "shared", 1, size);
      const front = await startProxiedFront(
        bench,
        grid,
        "shared-cache",
        ["--cache", "1g"],
        "$upstream_cache_status $body_bytes_sent $uri",
      );
      closers.push(() => front.nginx.stop());
      const folder = await benchFolder(bench);
      const visit = (read: (browser: BenchBrowser) => Promise<void>) => servedTo(bench, folder, front, read);
      const whole = async (browser: BenchBrowser) => void (await browser.readAll(gridUrl(cap), size));
      const first = await visit(whole);
      const second = await visit(whole);
      const random = new Random(bench.seed);
      const third = await visit(async (browser) => {
        for (let seek = 0; seek < SEEKS; seek++) {
          const range = `bytes=${random.integer(0, size - WATCHED)}-`;
          await browser.read(gridUrl(cap), { range, enough: WATCHED });
        }
      });
      const details = ({ all, kept, requests }: Served) =>
        `${round(all / MB)} MB in ${requests} requests, ${round((all - kept) / MB)} MB of them from servers`;
      bench.report.add(
        "shared-cache.hits",
        measures["shared-cache.hits"],
        second.kept / second.all,
        `${size / MiB} MiB: ${details(second)}; the first visitor ${details(first)}`,
      );
      bench.report.add(
        "shared-cache.hits.seeks",
        measures["shared-cache.hits.seeks"],
        third.kept / third.all,
        `${WATCHED / MiB} MiB at each of ${SEEKS} places: ${details(third)}`,
      );
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

async function servedTo(
  bench: Bench,
  folder: string,
  front: ProxiedFront,
  read: (browser: BenchBrowser) => Promise<void>,
): Promise<Served> {
  const before = (await shareReads(front)).length;
  const browser = await BenchBrowser.start(bench, folder, front.configFile, front);
  try {
    await read(browser);
  } finally {
    await browser.close();
  }
  const lines = (await shareReads(front)).slice(before);
  const served = { all: 0, kept: 0, requests: lines.length };
  for (const [status, bytes] of lines) {
    served.all += Number(bytes);
    if (status === "HIT") served.kept += Number(bytes);
  }
  return served;
}

/** Of each request for share data that nginx has answered: from where, and how many bytes. */
async function shareReads({ nginx }: ProxiedFront): Promise<string[][]> {
  const lines = (await nginx.logs()).split("\n").map((line) => line.split(" "));
  return lines.filter(([, , uri]) => uri !== undefined && /\/immutable\/\w+\/\d+$/.test(uri));
}
