import { promises } from "node:fs";
import asc from "assemblyscript/asc";

// The compiler insists on this ending; the file has another, so that nothing takes it for TypeScript.
const SOURCE = "kernel.ts";

/** The kernel's WebAssembly. The same source always gives the same bytes. */
export async function compileKernel() {
  let wasm;
  const { error, stderr } = await asc.main(
    // The stub runtime and no memory of its own pages beyond what the caller grows: the code is all there is.
    [
      SOURCE,
      "--outFile",
      "kernel.wasm",
      "-O3",
      "--shrinkLevel",
      "0",
      "--converge",
      "--runtime",
      "stub",
      "--enable",
      "simd",
      "--initialMemory",
      // 8 MiB, for the blocks and segments that are decoded at once, up to some 1.5 MiB each. Not more later: growing would detach
      // every view.
      "128",
      "--noAssert",
    ],
    {
      readFile: (name) =>
        name === SOURCE ? promises.readFile(new URL("../zfecKernel.as", import.meta.url), "utf8") : null,
      writeFile: (_name, contents) => {
        wasm = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`The kernel does not compile: ${stderr.toString()}`, { cause: error });
  return wasm;
}
