import { Random } from "../../src/files/testing/random.ts";
import { encodeBase32 } from "../../src/formats/base32.ts";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { TahoeGrid } from "../../src/node/testing/TahoeGrid.ts";
import { type Part, tahoeBin } from "../Bench.ts";
import type { BenchBrowser } from "../BenchBrowser.ts";
import { benchFolder } from "../benchFolder.ts";
import { measurePeaks } from "../measurePeaks.ts";
import { inTurn, median, ratioOf, round } from "../statistics.ts";
import { ENCODING, openProxied } from "./realGrid.ts";

const CHILDREN = 10_000;

const measures = {
  "list.time": { unit: "x the real gateway's time for t=json", target: { most: 0.5 } },
  "list.memory": { unit: "MiB above idle, at most", target: { most: 64 } },
};

/** A folder of 10,000 files on real Tahoe-LAFS servers is listed by a page in Chromium, through nginx, and by a gateway that has not seen it before either. */
export const listPart: Part = {
  measures,
  async run(bench) {
    if (nginxBin === undefined) throw new Error("there is no nginx (GRIDFETCH_NGINX)");
    const rounds = bench.isQuick ? 2 : 5;
    const closers: (() => Promise<void>)[] = [];
    try {
      const grid = await TahoeGrid.start(tahoeBin(bench), 5);
      closers.push(() => grid.stop());
      const writer = await grid.startClient(ENCODING);
      const { gateway } = await grid.startClient(ENCODING);
      const browser = await openProxied(bench, grid, await benchFolder(bench), closers);
      const random = new Random(bench.seed);
      const makeFolder = () => putFolder(writer.gateway, random);
      // Whoever comes first pays for connections and for the start of everything.
      const first = await makeFolder();
      await listByPage(browser, first);
      await listByGateway(gateway, first);
      const folders: string[] = [];
      for (let made = 0; made < rounds; made++) folders.push(await makeFolder());
      const rest = { page: [...folders], gateway: [...folders] };
      const firsts: number[] = [];
      const seconds = await inTurn(rounds, {
        page: async () => {
          const listed = await listByPage(browser, rest.page.pop()!);
          firsts.push(listed.first);
          return listed.all;
        },
        gateway: () => listByGateway(gateway, rest.gateway.pop()!),
      });
      const ms = (of: readonly number[]) => `${round(median(of) * 1000)} ms`;
      const words = `a mutable folder of ${CHILDREN}: ours (Chromium) ${ms(seconds.page)}, its first thousand ${ms(firsts)}; gateway ${ms(seconds.gateway)}`;
      bench.report.add("list.time", measures["list.time"], ratioOf(seconds.page, seconds.gateway), words);

      const last = await makeFolder();
      const peaks = await measurePeaks(browser, () => listByPage(browser, last));
      const details = `${round(peaks.live)} MiB (process ${round(peaks.anonymous)} MiB, ${peaks.samples} samples)`;
      bench.report.add("list.memory", measures["list.memory"], peaks.live, details);
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

/** Puts a mutable folder of files onto the grid that are not there, and gives its cap. */
async function putFolder(gateway: string, random: Random): Promise<string> {
  const some = (length: number) => encodeBase32(Uint8Array.from({ length }, () => random.integer(0, 255)));
  const children = Array.from({ length: CHILDREN }, (_, at) => [
    `picture ${at}.jpg`,
    ["filenode", { ro_uri: `URI:CHK:${some(16)}:${some(32)}:3:10:${1_000_000 + at}`, metadata: {} }],
  ]);
  const url = new URL("uri?t=mkdir-with-children", gateway);
  const response = await fetch(url, { method: "POST", body: JSON.stringify(Object.fromEntries(children)) });
  const text = await response.text();
  if (!response.ok) throw new Error(`the gateway made no folder: ${text.slice(0, 200)}`);
  return text.trim();
}

/** Seconds. */
async function listByGateway(gateway: string, cap: string): Promise<number> {
  const began = performance.now();
  const response = await fetch(new URL(`uri/${encodeURIComponent(cap)}?t=json`, gateway));
  const [, { children }] = (await response.json()) as [string, { children: object }];
  const seconds = (performance.now() - began) / 1000;
  expectAll(Object.keys(children).length);
  return seconds;
}

/** As the client's `grid.list` asks: seconds until the first part was there, and the last. */
async function listByPage({ page }: BenchBrowser, cap: string): Promise<{ first: number; all: number }> {
  const { count, ...seconds } = await page.evaluate(async (cap) => {
    interface Part {
      readonly entries: readonly unknown[];
      readonly version: string;
      readonly next: number | undefined;
    }
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    const ask = (from: number, version: string | undefined) =>
      new Promise<Part>((resolve, reject) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => {
          if ("answer" in data) resolve(data.answer);
          else if (!("isAtWork" in data)) reject(new Error(JSON.stringify(data)));
        };
        const payload = { cap, grid: "", from, version };
        const question = { gridfetch: { oldest: 1, newest: 6 }, kind: "list", payload };
        navigator.serviceWorker.controller?.postMessage(question, [port2]);
      });
    let part = await ask(0, undefined);
    const first = since();
    let count = part.entries.length;
    while (part.next !== undefined) {
      part = await ask(part.next, part.version);
      count += part.entries.length;
    }
    return { first, all: since(), count };
  }, cap);
  expectAll(count);
  return seconds;
}

function expectAll(count: number): void {
  if (count !== CHILDREN) throw new Error(`${count} of ${CHILDREN} children were listed`);
}
