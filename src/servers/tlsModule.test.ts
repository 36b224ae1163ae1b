import { promises } from "node:fs";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { buildTls, fetchCrates, sha256, tlsCompilers, whyNoTlsBuild } from "./testing/buildTls.mjs";

const wasm = await promises.readFile(new URL("tls/gridfetch-tls.wasm", import.meta.url));
const record: Record<string, string> = JSON.parse(
  await promises.readFile(new URL("tls/gridfetch-tls.json", import.meta.url), "utf8"),
);
const { rustc, clang } = tlsCompilers();
const cannotCompare =
  whyNoTlsBuild() ??
  (rustc === record.rustc && clang === record.clang ? undefined : `it was made by ${record.rustc} and ${record.clang}`);

test("gridfetch-tls.wasm is what its record says, and holds no path of the machine that made it", () => {
  expect(sha256(wasm)).toBe(record.sha256);
  const text = wasm.toString("latin1");
  expect(text).toContain("/crates/rustls-");
  for (const path of [homedir(), process.cwd(), "index.crates.io"]) expect(text).not.toContain(path);
});

test.skipIf(cannotCompare !== undefined)(
  `gridfetch-tls.wasm is what its sources compile to${cannotCompare === undefined ? "" : ` (cannot compare: ${cannotCompare})`}`,
  { timeout: 10 * 60_000 },
  async (context) => {
    await fetchCrates().catch(() => context.skip("cannot compare: the crates cannot be fetched"));
    const built = await buildTls(fileURLToPath(new URL("../../.cache/tls", import.meta.url)));
    const advice = "gridfetch-tls.wasm differs from its sources: run node src/servers/testing/make-tls.mjs";
    expect(sha256(built), advice).toBe(record.sha256);
  },
);
