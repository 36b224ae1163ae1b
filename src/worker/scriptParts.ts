import type { CheckPart, KeepPart, RelayPart, WorkerParts, ZipPart } from "./WorkerParts.ts";

// The names under which vite.config.ts has the scripts put what they export.
declare const self: ServiceWorkerGlobalScope & {
  gridfetchRelay?: RelayPart;
  gridfetchCheck?: CheckPart;
  gridfetchKeep?: KeepPart;
  gridfetchZip?: ZipPart;
  /** TypeScript's libraries do not know it: https://w3c.github.io/trusted-types/. */
  readonly trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL(url: string): string },
    ): { createScriptURL(url: string): string };
  };
};

/**
 * The parts as scripts beside the worker's own, loaded when they are first needed. A browser lets an installed worker load only
 * what it loaded while it was being installed, and keeps that: `install` sees to it.
 */
export const scriptParts: WorkerParts & { install(): void } = {
  relay() {
    if (self.gridfetchRelay === undefined) importPart("gridfetch-relay.js");
    return self.gridfetchRelay as RelayPart;
  },
  check() {
    if (self.gridfetchCheck === undefined) importPart("gridfetch-check.js");
    return self.gridfetchCheck as CheckPart;
  },
  keep() {
    if (self.gridfetchKeep === undefined) importPart("gridfetch-keep.js");
    return self.gridfetchKeep as KeepPart;
  },
  zip() {
    if (self.gridfetchZip === undefined) importPart("gridfetch-zip.js");
    return self.gridfetchZip as ZipPart;
  },
  install() {
    self.addEventListener("install", (event) => event.waitUntil(loadAll()));
  },
};

type ScriptPolicy = ReturnType<NonNullable<typeof self.trustedTypes>["createPolicy"]>;
let policy: ScriptPolicy | undefined;

function importPart(name: string): void {
  self.importScripts(trusted(name));
}

/** A policy that is sent with the worker's script may require trusted types, and allows them by `trusted-types gridfetch`. */
function trusted(name: string): string {
  try {
    policy ??= self.trustedTypes?.createPolicy("gridfetch", { createScriptURL: (url) => url });
  } catch {
    // It allows no policy of that name: a plain string is all there is.
  }
  return policy?.createScriptURL(name) ?? name;
}

/** An app that was deployed without one of them must hear of it: its worker is not installed. */
async function loadAll(): Promise<void> {
  scriptParts.relay();
  scriptParts.check();
  scriptParts.keep();
  scriptParts.zip();
}
