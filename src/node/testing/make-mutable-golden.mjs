// Makes src/formats/testing/golden/ again: `GRIDFETCH_TAHOE=<folder with the tahoe command> node
// src/node/testing/make-mutable-golden.mjs`.
import { join } from "node:path";
import { runnerImport } from "vite";

const bin = process.env.GRIDFETCH_TAHOE;
if (bin === undefined)
  throw new Error("GRIDFETCH_TAHOE must name the folder that holds Tahoe-LAFS 1.20's tahoe command");
const { module } = await runnerImport(join(import.meta.dirname, "makeMutableGolden.ts"));
await module.makeMutableGolden(bin);
