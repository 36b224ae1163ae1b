import { encodeBase32 } from "../formats/base32.ts";
import type { ChkCap, LitCap } from "../formats/Cap.ts";
import { formatCap, verifyCapOf } from "../formats/formatCap.ts";
import { SAFETY_HEADERS, SANDBOX } from "./safetyHeaders.ts";

/** What is said of an object instead of sending its content, by `t=`. Made of its cap alone: the grid is not asked. */
export function viewOfFile(t: string, cap: ChkCap | LitCap, etag: string | undefined): Response | undefined {
  const headers = etag === undefined ? {} : { ETag: etag };
  switch (t) {
    case "json":
      return textView(jsonText(["filenode", fileFacts(cap)]), headers);
    case "uri":
    case "readonly-uri":
      return textView(formatCap(cap), headers);
    case "info":
      return infoPage(cap);
    default:
      return undefined;
  }
}

/** `t=json` of a cap that names nothing readable here: no more is known, and a cap of unknown power is not repeated. */
export function viewOfUnknown(facts: UnknownFacts = {}): Response {
  return textView(jsonText(["unknown", facts]));
}

/** Of a cap whose prefix promises what may be done with it. */
export interface UnknownFacts {
  readonly ro_uri?: string;
  readonly mutable?: false;
}

/** LIT files are said to be "CHK", as by a gateway: clients know no other format of immutable files. */
function fileFacts(cap: ChkCap | LitCap): Record<string, unknown> {
  return {
    mutable: false,
    format: "CHK",
    size: sizeOf(cap),
    ro_uri: formatCap(cap),
    ...(cap.kind === "CHK" && { verify_uri: formatCap(verifyCapOf(cap)) }),
  };
}

function sizeOf(cap: ChkCap | LitCap): number {
  return cap.kind === "CHK" ? cap.size : cap.data.length;
}

/** As Python writes it with an indent of one: ASCII alone, and a line's end. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 1);
  return `${text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

function textView(text: string, headers: Record<string, string> = {}): Response {
  return view("text/plain", text, headers);
}

function view(type: string, text: string, headers: Record<string, string>): Response {
  return new Response(text, {
    headers: { ...SAFETY_HEADERS, "Content-Security-Policy": SANDBOX, "Content-Type": type, ...headers },
  });
}

/** For people; programs take `t=json`. Nothing in it comes from anywhere but the cap's own alphabet. */
function infoPage(cap: ChkCap | LitCap): Response {
  const rows: [string, string][] = [
    ["Kind", cap.kind === "CHK" ? "immutable file" : "immutable file, within its cap"],
    ["Size", `${sizeOf(cap)} bytes`],
    ["Read cap", formatCap(cap)],
  ];
  if (cap.kind === "CHK") {
    rows.push(["Verify cap", formatCap(verifyCapOf(cap))]);
    rows.push(["Storage index", encodeBase32(cap.storageIndex)]);
    rows.push(["Shares", `${cap.total}, of which any ${cap.needed} are enough`]);
  }
  const list = rows.map(([term, text]) => `<dt>${term}</dt><dd><code>${text}</code></dd>`).join("\n");
  const html = `<!doctype html>\n<html lang="en"><title>About a file</title>\n<dl>\n${list}\n</dl>\n</html>\n`;
  return view("text/html; charset=utf-8", html, {});
}
