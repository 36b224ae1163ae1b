import type { ErasureCodec } from "./ErasureCodec.ts";
import { zfecTypeScript } from "./zfecTypeScript.ts";
import { zfecWasm } from "./zfecWasm.ts";

/** The fastest zfec that works here. */
export const zfec: ErasureCodec = zfecWasm() ?? zfecTypeScript;
