import { beforeEach, expect, it, vi } from "vitest";
import type { scriptParts as ScriptParts } from "./scriptParts.ts";

const SCRIPTS = {
  "gridfetch-relay.js": "gridfetchRelay",
  "gridfetch-check.js": "gridfetchCheck",
  "gridfetch-keep.js": "gridfetchKeep",
  "gridfetch-zip.js": "gridfetchZip",
};

/** What was imported: texts, or what a policy made of them. */
let imported: unknown[];
let missing: string | undefined;
let scope: EventTarget & { [name: string]: unknown };
let parts: typeof ScriptParts;

beforeEach(async () => {
  imported = [];
  missing = undefined;
  scope = Object.assign(new EventTarget() as typeof scope, {
    importScripts(script: unknown): void {
      imported.push(script);
      const name = String(script) as keyof typeof SCRIPTS;
      if (name === missing) throw new DOMException("not there", "NetworkError");
      scope[SCRIPTS[name]] = { from: name };
    },
  });
  vi.stubGlobal("self", scope);
  vi.resetModules();
  ({ scriptParts: parts } = await import("./scriptParts.ts"));
});

function install(): Promise<unknown> {
  parts.install();
  let wait: Promise<unknown> | undefined;
  const waitUntil = (promise: Promise<unknown>) => {
    wait = promise;
  };
  scope.dispatchEvent(Object.assign(new Event("install"), { waitUntil }));
  return wait ?? expect.unreachable();
}

it("loads a part when it is first needed, and once", () => {
  expect(imported).toEqual([]);
  for (let i = 0; i < 2; i++) {
    expect(parts.keep()).toEqual({ from: "gridfetch-keep.js" });
    expect(parts.relay()).toEqual({ from: "gridfetch-relay.js" });
  }
  expect(imported).toEqual(["gridfetch-keep.js", "gridfetch-relay.js"]);
});

it("loads all of them while it is installed: later the browser allows no others", async () => {
  await install();
  expect(new Set(imported)).toEqual(new Set(Object.keys(SCRIPTS)));
});

it.each(Object.keys(SCRIPTS))("is not installed without %s", async (name) => {
  missing = name;
  await expect(install()).rejects.toThrow("not there");
});

it("tries again where a part could not be loaded", () => {
  missing = "gridfetch-check.js";
  expect(() => parts.check()).toThrow("not there");
  missing = undefined;
  expect(parts.check()).toEqual({ from: "gridfetch-check.js" });
});

it("makes its scripts' names by a policy where there is one, and by none that is not allowed", () => {
  const createPolicy = vi.fn((_: string, rules: { createScriptURL(url: string): string }) => ({
    createScriptURL: (url: string) => ({ toString: () => rules.createScriptURL(url), isTrusted: true }),
  }));
  scope.trustedTypes = { createPolicy };
  parts.relay();
  parts.keep();
  expect(imported).toMatchObject([{ isTrusted: true }, { isTrusted: true }]);
  // A second one of the same name is not allowed.
  expect(createPolicy.mock.calls.map(([name]) => name)).toEqual(["gridfetch"]);
});

it("does with names where the policy of ours is not allowed", () => {
  scope.trustedTypes = {
    createPolicy() {
      throw new TypeError('Policy "gridfetch" disallowed.');
    },
  };
  expect(parts.check()).toEqual({ from: "gridfetch-check.js" });
});
