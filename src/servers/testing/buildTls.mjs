import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const TLS_TARGET = "wasm32-unknown-unknown";
const SOURCES = fileURLToPath(new URL("../tls/rust", import.meta.url));

/** What the module's bytes depend on beside its sources. ring has parts in C. */
export function tlsCompilers() {
  const rustc = firstLine("rustc", ["--version"]);
  const clang = firstLine("clang", ["--version"]);
  return { rustc, clang };
}

/** Why the module cannot be built here, or undefined. */
export function whyNoTlsBuild() {
  const { rustc, clang } = tlsCompilers();
  if (rustc === undefined || firstLine("cargo", ["--version"]) === undefined) return "there is no cargo and rustc";
  if (clang === undefined || firstLine("llvm-ar", ["--version"]) === undefined) return "there is no clang and llvm-ar";
  const sysroot = firstLine("rustc", ["--print", "sysroot"]) ?? "";
  if (!existsSync(join(sysroot, "lib/rustlib", TLS_TARGET))) return `rustc has no target ${TLS_TARGET}`;
  return undefined;
}

/**
 * Compiles the module. The same sources and compilers give the same bytes, wherever they lie: no path gets into it.
 *
 * @param {string} targetFolder for what cargo makes
 * @returns {Promise<Buffer>}
 */
export async function buildTls(targetFolder) {
  await fetchCrates();
  const remapped = [[SOURCES, "/tls"], ...crateFolders().map((folder) => [folder, "/crates"])];
  const env = {
    CARGO_ENCODED_RUSTFLAGS: remapped.map(([from, to]) => `--remap-path-prefix=${from}=${to}`).join("\x1f"),
    CC_wasm32_unknown_unknown: "clang",
    AR_wasm32_unknown_unknown: "llvm-ar",
    CFLAGS_wasm32_unknown_unknown: remapped.map(([from, to]) => `-ffile-prefix-map=${from}=${to}`).join(" "),
  };
  await cargo(["build", "--release", "--locked", "--target", TLS_TARGET, "--target-dir", resolve(targetFolder)], env);
  return readFileSync(join(targetFolder, TLS_TARGET, "release/gridfetch_tls.wasm"));
}

/** Rejects where the registry cannot be reached. Once the crates are there it needs no network. */
export async function fetchCrates() {
  await cargo(["fetch", "--locked", "--target", TLS_TARGET]);
}

/**
 * The licences of the crates whose code is in the module, each text once.
 *
 * @returns {Promise<string>}
 */
export async function tlsLicences() {
  const { stdout } = await cargo(["metadata", "--locked", "--format-version", "1", "--filter-platform", TLS_TARGET]);
  /** @type {{ packages: { id: string, name: string, version: string, license: string, manifest_path: string, source: string | null }[], resolve: { nodes: { id: string, deps: { pkg: string, dep_kinds: { kind: string | null }[] }[] }[], root: string } }} */
  const { packages, resolve: graph } = JSON.parse(stdout);
  /** @type {Set<string>} */
  const linked = new Set();
  const visit = (/** @type {string} */ id) => {
    if (linked.has(id)) return;
    linked.add(id);
    const used = graph.nodes.find((node) => node.id === id)?.deps ?? [];
    for (const { pkg, dep_kinds: kinds } of used) if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(graph.root);
  const parts = ["gridfetch-tls.wasm contains code of these Rust packages, and of Rust's standard library (MIT)."];
  for (const { id, name, version, license, manifest_path: manifest, source } of packages) {
    if (!linked.has(id) || source === null) continue;
    const folder = dirname(manifest);
    const files = readdirSync(folder).filter((file) => /^LICEN[CS]E/.test(file));
    // Where there is a choice, the shortest.
    const chosen = /\bOR\b/.test(license) && files.includes("LICENSE-MIT") ? ["LICENSE-MIT"] : files;
    const texts = chosen.map((file) => readFileSync(join(folder, file), "utf8").trim());
    parts.push(`${"=".repeat(80)}\n${name} ${version} (${license})`, ...texts);
  }
  return `${parts.join("\n\n")}\n`;
}

/** One for each registry; the folder's name depends on where the registry is. */
function crateFolders() {
  const registries = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");
  return readdirSync(registries).map((name) => join(registries, name));
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} env
 */
async function cargo(args, env = {}) {
  return promisify(execFile)("cargo", args, {
    cwd: SOURCES,
    env: { ...process.env, ...env },
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** @param {Uint8Array} bytes */
export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function firstLine(program, args) {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0];
  } catch {
    return undefined;
  }
}
