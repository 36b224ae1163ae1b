// Compiles zfecKernel.as and puts it, as text, into zfecKernel.ts.   node src/erasure/testing/make-kernel.mjs
import { promises } from "node:fs";
import { compileKernel } from "./compileKernel.mjs";

const wasm = await compileKernel();
const text = `// Made by testing/make-kernel.mjs from zfecKernel.as: ${wasm.length} bytes of WebAssembly, in base64.
export const zfecKernel =
  "${Buffer.from(wasm).toString("base64")}";
`;
await promises.writeFile(new URL("../zfecKernel.ts", import.meta.url), text);
