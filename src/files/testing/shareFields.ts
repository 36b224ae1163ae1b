import { concatBytes, utf8 } from "../../base/bytes.ts";
import { parseShareLayout } from "../../formats/ShareLayout.ts";
import { netstring } from "../../hashing/netstring.ts";

/** The numbers behind the version in a share's header, in their order. */
export const FIELDS = {
  blockSize: 0,
  dataSize: 1,
  data: 2,
  plaintextTree: 3,
  ciphertextTree: 4,
  blockTree: 5,
  chain: 6,
  ueb: 7,
} as const;

export type Field = keyof typeof FIELDS;

/** A copy of a share with one number of its header changed. Numbers are cut to the field's width. */
export function changeField(
  share: Uint8Array,
  field: Field,
  change: (value: bigint) => bigint,
): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(share);
  const view = new DataView(copy.buffer);
  if (share[3] === 2) {
    const at = 4 + 8 * FIELDS[field];
    view.setBigUint64(at, BigInt.asUintN(64, change(view.getBigUint64(at))));
  } else {
    const at = 4 + 4 * FIELDS[field];
    view.setUint32(at, Number(BigInt.asUintN(32, change(BigInt(view.getUint32(at))))));
  }
  return copy;
}

/** A copy of a share with another share hash chain, of any length. */
export function withChain(share: Uint8Array, change: (chain: Uint8Array) => Uint8Array): Uint8Array<ArrayBuffer> {
  const { chainOffset, uebOffset } = parseShareLayout(share);
  const chain = change(share.slice(chainOffset, uebOffset));
  const moved = changeField(share, "ueb", () => BigInt(chainOffset + chain.length));
  return concatBytes([moved.subarray(0, chainOffset), chain, share.subarray(uebOffset)]);
}

/** A copy of a UEB with one value changed, or without it: undefined. */
export function changeUeb(
  ueb: Uint8Array,
  key: string,
  value: string | Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const text = String.fromCharCode(...ueb);
  const start = text.search(new RegExp(`(?<![a-z_])${key}:\\d+:`));
  if (start < 0) throw new Error(`the UEB has no ${key}`);
  const [head, digits] = /^[^:]+:(\d+):/.exec(text.slice(start)) as unknown as [string, string];
  const end = start + head.length + Number(digits) + 1;
  const bytes = typeof value === "string" ? utf8(value) : value;
  const entry = bytes === undefined ? [] : [utf8(`${key}:`), netstring(bytes)];
  return concatBytes([ueb.subarray(0, start), ...entry, ueb.subarray(end)]);
}

/** A copy of a UEB with nothing in it but what no reader can do without. */
export function barestUeb(ueb: Uint8Array): Uint8Array<ArrayBuffer> {
  const dispensable = [
    "codec_name",
    "codec_params",
    "crypttext_hash",
    "needed_shares",
    "num_segments",
    "size",
    "tail_codec_params",
    "total_shares",
  ];
  return dispensable.reduce((rest, key) => changeUeb(rest, key, undefined), Uint8Array.from(ueb));
}
