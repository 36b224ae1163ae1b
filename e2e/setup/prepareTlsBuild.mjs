import { spawnSync } from "node:child_process";
import { mayInstall } from "../../src/node/setup/mayInstall.mjs";
import { runCommand } from "../../src/node/setup/runCommand.mjs";
import { TLS_TARGET, whyNoTlsBuild } from "../../src/servers/testing/buildTls.mjs";
import { installDebianPackages } from "./installDebianPackages.mjs";

/** Where there is a Rust, completes it so that the TLS module can be compared with its sources. Whether that worked its test says. */
export async function prepareTlsBuild() {
  if (!mayInstall() || !starts("cargo") || whyNoTlsBuild() === undefined) return;
  // ring has parts in C.
  if (!starts("clang") || !starts("llvm-ar")) await installDebianPackages(["clang", "llvm"]);
  if (whyNoTlsBuild() !== undefined) await runCommand("rustup", ["target", "add", TLS_TARGET], { minutes: 5 });
}

/** @param {string} program */
function starts(program) {
  return spawnSync(program, ["--version"]).status === 0;
}
