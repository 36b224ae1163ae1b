import { concatBytes, utf8 } from "../../base/bytes.ts";
import { formatCap } from "../../formats/formatCap.ts";

/** A child as it is put into a folder. */
export interface LiteralChild {
  readonly name: string;
  readonly cap: string;
  readonly metadata?: Record<string, unknown>;
}

/** The cap of an immutable directory that is itself in its cap. */
export function literalFolder(...children: readonly LiteralChild[]): string {
  const entries = children.map(({ name, cap, metadata = {} }) =>
    netstring(concatBytes([name, cap, "", JSON.stringify(metadata)].map((field) => netstring(utf8(field))))),
  );
  return formatCap({ kind: "DIR2", content: { kind: "LIT", data: concatBytes(entries) } });
}

/** The cap of a file that is itself in its cap. */
export function literalFile(text: string): string {
  return formatCap({ kind: "LIT", data: utf8(text) });
}

function netstring(bytes: Uint8Array): Uint8Array {
  return concatBytes([utf8(`${bytes.length}:`), bytes, utf8(",")]);
}
