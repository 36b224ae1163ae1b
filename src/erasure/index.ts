/**
 * zfec, the erasure code of Tahoe-LAFS, by itself: bit for bit what the zfec package on PyPI makes. In browsers, workers and Node.
 *
 * ```js
 * import { zfec } from "gridfetch/zfec";
 *
 * const code = { needed: 2, total: 4 };
 * const primaries = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
 * const [third, fourth] = zfec.encode(code, primaries, [2, 3]);
 *
 * const out = new Uint8Array(6);
 * zfec.decode(code, new Map([[2, third], [3, fourth]]), out); // 1, 2, 3, 4, 5, 6
 * ```
 *
 * `zfec` is the WebAssembly kernel where that works, else the same in TypeScript. Blocks may lie anywhere; those in buffers taken
 * from `zfec.memory` are decoded without a copy.
 */
export type { BufferPool } from "../base/BufferPool.ts";
export type { Code, ErasureCodec } from "./ErasureCodec.ts";
export { zfec } from "./zfec.ts";
export { zfecTypeScript } from "./zfecTypeScript.ts";
export { zfecWasm } from "./zfecWasm.ts";
