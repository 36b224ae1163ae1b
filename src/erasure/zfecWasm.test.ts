import { afterEach, describe, expect, it, vi } from "vitest";
import { zfecKernel } from "./zfecKernel.ts";
import { zfecWasm } from "./zfecWasm.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the kernel", () => {
  it("is what its source compiles to, and small", async () => {
    // A name that is not a literal: the compiler has no types, and none are needed.
    const script = new URL("./testing/compileKernel.mjs", import.meta.url).href;
    const { compileKernel } = (await import(script)) as { compileKernel(): Promise<Uint8Array> };
    const wasm = await compileKernel();
    expect(Buffer.from(wasm).toString("base64")).toBe(zfecKernel);
    expect(wasm.length).toBeLessThan(2048);
  });
});

describe("where WebAssembly does not work", () => {
  it("says so when the page's policy forbids it, or there is no SIMD", () => {
    vi.spyOn(WebAssembly, "Module").mockImplementation(function refuse() {
      throw new WebAssembly.CompileError("blocked by Content Security Policy");
    });
    expect(zfecWasm()).toBeUndefined();
  });

  it("says so when there is none at all", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(zfecWasm()).toBeUndefined();
  });
});
