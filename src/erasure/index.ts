/** zfec, the erasure code of Tahoe-LAFS, by itself. */
export type { Code, ErasureCodec } from "./ErasureCodec.ts";
export { zfec } from "./zfec.ts";
export { zfecTypeScript } from "./zfecTypeScript.ts";
export { zfecWasm } from "./zfecWasm.ts";
