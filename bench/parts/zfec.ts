import { zfecKernel } from "../../src/erasure/zfecKernel.ts";
import { zfecWasm } from "../../src/erasure/zfecWasm.ts";
import { type Part, tahoeBin } from "../Bench.ts";
import { NativeZfec } from "../NativeZfec.ts";
import { inTurn, median, ratioOf, speed } from "../statistics.ts";

const CODE = { needed: 3, total: 10 };
const BLOCK = 43691;
const SEGMENT = CODE.needed * BLOCK;
/** Some tens of milliseconds of each. */
const OUR_DECODES = 400;
const NATIVE_DECODES = 100;

const measures = {
  "zfec.kernel": { unit: "x native zfec, without copies", target: { least: 6 } },
  "zfec.copies": { unit: "x native zfec, with copies in and out", target: { least: 4 } },
};

/** Decoding 3-of-10, segments of 128 KiB, no primary share among the three: our kernel beside the C of the zfec package. */
export const zfecPart: Part = {
  measures,
  async run(bench) {
    const native = new NativeZfec(tahoeBin(bench));
    try {
      const kernel = kernelDecode();
      const codec = codecDecode();
      await inTurn(2, { kernel: time(kernel), codec: time(codec), native: () => native.decode(NATIVE_DECODES) });
      const {
        kernel: ours,
        codec: copying,
        native: theirs,
      } = await inTurn(bench.isQuick ? 15 : 41, {
        kernel: time(kernel),
        codec: time(codec),
        native: async () => (await native.decode(NATIVE_DECODES)) / NATIVE_DECODES,
      });
      const rates = [theirs, ours, copying].map((seconds) => speed(SEGMENT / median(seconds)));
      const details = `native ${rates[0]}, kernel ${rates[1]}, with copies ${rates[2]}`;
      bench.report.add("zfec.kernel", measures["zfec.kernel"], ratioOf(theirs, ours), details);
      bench.report.add("zfec.copies", measures["zfec.copies"], ratioOf(theirs, copying), details);
    } finally {
      native.close();
    }
  },
};

/** Seconds of one call. */
function time(decode: () => void): () => Promise<number> {
  return async () => {
    const began = performance.now();
    for (let i = 0; i < OUR_DECODES; i++) decode();
    return (performance.now() - began) / 1000 / OUR_DECODES;
  };
}

function codecDecode(): () => void {
  const codec = zfecWasm();
  if (codec === undefined) throw new Error("this platform has no WebAssembly SIMD");
  const blocks = new Map([3, 4, 5].map((share) => [share, new Uint8Array(BLOCK).fill(share)]));
  const out = new Uint8Array(SEGMENT);
  return () => codec.decode(CODE, blocks, out);
}

/** The kernel's own work: three inputs and three outputs that lie in its memory already. Its speed depends on no value. */
function kernelDecode(): () => void {
  const module = new WebAssembly.Module(Buffer.from(zfecKernel, "base64"));
  const { make3, memory } = new WebAssembly.Instance(module).exports as {
    make3: (...places: number[]) => void;
    memory: WebAssembly.Memory;
  };
  const [first, second, third] = [0, 1, 2].map((i) => 65536 * (i + 1)) as [number, number, number];
  const addresses = 4096;
  new Uint32Array(memory.buffer, addresses).set([first, second, third]);
  const out = 65536 * 4;
  return () => make3(0, addresses, 3, out, out + BLOCK, out + 2 * BLOCK, BLOCK);
}
