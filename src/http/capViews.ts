import type { Metadata } from "../files/readChildren.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { type Cap, type FileCap, isMutable } from "../formats/Cap.ts";
import { formatCap, readCapOf, verifyCapOf } from "../formats/formatCap.ts";

/** A view as it is sent. */
export interface ViewText {
  /** The Content-Type. */
  readonly type: string;
  readonly text: string;
}

/** A file, for its views. */
export interface ViewedFile {
  readonly cap: FileCap;
  /** In bytes; undefined for a mutable file of which no version can be read. */
  readonly size: number | undefined;
  /** Where it was reached through a directory. */
  readonly metadata: Metadata | undefined;
}

/** The views that are the cap itself, by `t=`. Undefined for one that there is not. */
export function capView(t: string, cap: Cap): ViewText | undefined {
  if (t === "uri") return plainText(formatCap(cap));
  if (t === "readonly-uri") return plainText(formatCap(readCapOf(cap)));
  return undefined;
}

/** `t=json` of a file. */
export function fileJson(file: ViewedFile): ViewText {
  const { metadata } = file;
  return jsonText(["filenode", { ...fileFacts(file), ...(metadata && { metadata }) }]);
}

/** `t=json` of a cap that names nothing readable here: no more is known, and a cap of unknown power is not repeated. */
export function unknownJson(facts: UnknownFacts): ViewText {
  return jsonText(["unknown", facts]);
}

/** Of caps of a kind that is not known here. */
export interface UnknownFacts {
  readonly metadata?: Metadata;
  readonly rw_uri?: string;
  readonly ro_uri?: string;
  readonly mutable?: boolean;
}

/** JSON as Python writes it with an indent of one: ASCII alone, and a line's end. */
export function jsonText(value: unknown): ViewText {
  const text = JSON.stringify(value, null, 1);
  const ascii = text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return plainText(`${ascii}\n`);
}

/** The caps of an object, as JSON names them: for reading, for writing if the cap gives that, for checking if there are shares. */
export function capFacts(cap: Cap): { ro_uri: string; rw_uri?: string; verify_uri?: string } {
  const readCap = formatCap(readCapOf(cap));
  const verifyCap = verifyCapOf(cap);
  return {
    ro_uri: readCap,
    ...(formatCap(cap) !== readCap && { rw_uri: formatCap(cap) }),
    ...(verifyCap && { verify_uri: formatCap(verifyCap) }),
  };
}

/** LIT files are said to be "CHK", as by a gateway: clients know no other format of immutable files. */
export function formatOf({ kind }: FileCap): string {
  if (kind === "SSK") return "SDMF";
  return kind === "MDMF" ? kind : "CHK";
}

function fileFacts({ cap, size }: ViewedFile): Record<string, unknown> {
  return { mutable: isMutable(cap), format: formatOf(cap), ...(size !== undefined && { size }), ...capFacts(cap) };
}

function plainText(text: string): ViewText {
  return { type: "text/plain", text };
}

/** A page for people, which can do nothing: its content must be escaped. */
export function htmlText(text: string): ViewText {
  return { type: "text/html; charset=utf-8", text };
}

/** For people; programs take `t=json`. Nothing in it comes from anywhere but the cap's own alphabet. */
export function infoPage(cap: Cap, size?: number): ViewText {
  const facts = capFacts(cap);
  const rows: [string, string | undefined][] = [
    ["Kind", kindOf(cap)],
    ["Size", size === undefined ? undefined : `${size} bytes`],
    ["Read cap", facts.ro_uri],
    ["Write cap", facts.rw_uri],
    ["Verify cap", facts.verify_uri],
    ["Storage index", storageIndexOf(cap)],
    ["Shares", cap.kind === "CHK" ? `${cap.total}, of which any ${cap.needed} are enough` : undefined],
  ];
  const list = rows
    .filter(([, text]) => text !== undefined)
    .map(([term, text]) => `<dt>${term}</dt><dd><code>${text}</code></dd>`);
  return htmlText(
    `<!doctype html>\n<html lang="en"><title>About this cap</title>\n<dl>\n${list.join("\n")}\n</dl>\n</html>\n`,
  );
}

function kindOf(cap: Cap): string {
  if (cap.kind === "DIR2") return `directory in ${isMutable(cap.content) ? "a" : "an"} ${kindOf(cap.content)}`;
  if (cap.kind === "LIT") return "immutable file, within its cap";
  if (cap.kind === "CHK") return "immutable file";
  return isMutable(cap) ? `mutable file (${formatOf(cap)})` : "verify cap";
}

function storageIndexOf(cap: Cap): string | undefined {
  if (cap.kind === "DIR2" || cap.kind === "DIR2-Verifier") return storageIndexOf(cap.content);
  return cap.kind === "LIT" ? undefined : encodeBase32(cap.storageIndex);
}
