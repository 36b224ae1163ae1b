import { afterEach, expect, it, vi } from "vitest";
import { loadTls } from "./loadTls.ts";

const SCRIPT = "https://app.example/films/gridfetch-worker.js?prefix=x";
const never = new AbortController().signal;

afterEach(() => vi.unstubAllGlobals());

it("takes the module that lies beside the worker's script", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL) => {
    asked.push(url.href);
    return new Response(Uint8Array.of(0, 97, 115, 109));
  });
  expect([...new Uint8Array(await loadTls(SCRIPT, never))]).toEqual([0, 97, 115, 109]);
  expect(asked).toEqual(["https://app.example/films/gridfetch-tls.wasm"]);
});

it("says which status came in its place: a fallback page must not be taken for it", async () => {
  vi.stubGlobal("fetch", async () => new Response("<!doctype html>", { status: 404 }));
  await expect(loadTls(SCRIPT, never)).rejects.toThrow("HTTP 404");
});

it("ends with its signal while the web server says nothing", async () => {
  vi.stubGlobal(
    "fetch",
    (_: URL, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  const left = new AbortController();
  const loading = loadTls(SCRIPT, left.signal);
  left.abort("left");
  await expect(loading).rejects.toBe("left");
});
