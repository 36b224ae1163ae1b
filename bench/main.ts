import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Bench, type Part, runPart } from "./Bench.ts";
import { bytesPart } from "./parts/bytes.ts";
import { endToEndPart } from "./parts/endToEnd.ts";
import { farPart } from "./parts/far.ts";
import { gatewayPart } from "./parts/gateway.ts";
import { highKPart } from "./parts/highK.ts";
import { listPart } from "./parts/list.ts";
import { memoryPart } from "./parts/memory.ts";
import { pipelinePart } from "./parts/pipeline.ts";
import { realGridPart } from "./parts/realGrid.ts";
import { roundTripsPart } from "./parts/roundTrips.ts";
import { scalePart } from "./parts/scale.ts";
import { sharedCachePart } from "./parts/sharedCache.ts";
import { slowServerPart } from "./parts/slowServer.ts";
import { zfecPart } from "./parts/zfec.ts";
import { Report } from "./Report.ts";

const parts: Readonly<Record<string, Part>> = {
  zfec: zfecPart,
  pipeline: pipelinePart,
  bytes: bytesPart,
  e2e: endToEndPart,
  gateway: gatewayPart,
  real: realGridPart,
  list: listPart,
  rtt: roundTripsPart,
  far: farPart,
  "shared-cache": sharedCachePart,
  scale: scalePart,
  "slow-server": slowServerPart,
  memory: memoryPart,
  "high-k": highKPart,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, seed: { type: "string", default: "1" } },
});
const unknown = positionals.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(", ")}, only ${Object.keys(parts).join(", ")}.`);
  process.exit(2);
}
const { GRIDFETCH_TAHOE, GRIDFETCH_TAHOE_MISSING, GRIDFETCH_CHROMIUM, GRIDFETCH_CHROMIUM_VERSION } = process.env;
const bench: Bench = {
  report: new Report(),
  isQuick: values.quick,
  seed: Number(values.seed),
  folder: await mkdtemp(join(tmpdir(), "gridfetch-bench-")),
  tahoe: GRIDFETCH_TAHOE
    ? { bin: GRIDFETCH_TAHOE }
    : { missing: GRIDFETCH_TAHOE_MISSING ?? "GRIDFETCH_TAHOE is not set" },
  chromium: GRIDFETCH_CHROMIUM ? { path: GRIDFETCH_CHROMIUM } : { missing: "GRIDFETCH_CHROMIUM is not set" },
};

const [{ model } = { model: "unknown processor" }, ...others] = cpus();
const memory = Math.round(totalmem() / 2 ** 30);
console.log(`Machine: ${others.length + 1} x ${model}, ${memory} GiB, ${process.platform} ${process.arch}`);
console.log(
  `Versions: Node ${process.versions.node}, V8 ${process.versions.v8}, ${GRIDFETCH_CHROMIUM_VERSION ?? "no Chromium"}`,
);
console.log(`Seed: ${bench.seed}${bench.isQuick ? ", quick" : ""}\n`);

const began = performance.now();
try {
  for (const [name, part] of Object.entries(parts)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const partBegan = performance.now();
    await runPart(part, bench);
    console.log(`  (${name}: ${Math.round((performance.now() - partBegan) / 1000)} s)`);
  }
} finally {
  await rm(bench.folder, { recursive: true, force: true });
}
await bench.report.finish(fileURLToPath(new URL("../../bench/results/latest.json", import.meta.url)));
console.log(`Took ${Math.round((performance.now() - began) / 1000)} s.`);
