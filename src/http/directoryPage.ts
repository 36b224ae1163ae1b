import { visibleText } from "../base/visibleText.ts";
import type { Child, UnknownCaps } from "../files/readChildren.ts";
import { type Cap, type DirectoryCap, type FileCap, isMutable, isVerifyCap, sizeInCap } from "../formats/Cap.ts";
import { formatCap, readCapOf } from "../formats/formatCap.ts";
import { tahoeUrl } from "../formats/tahoeUrl.ts";
import { htmlText, type ViewText } from "./capViews.ts";

/** Where a child of that cap and name is to be had; undefined for one that has no address. */
export type LinkTo = (cap: FileCap | DirectoryCap, name: string) => string | undefined;

/** A page of links to a directory's children. */
export function directoryPage(cap: DirectoryCap, children: readonly Child[], linkTo: LinkTo): ViewText {
  const rows = children.map((child) => row(child, linkTo)).join("\n");
  const title = `${describe(cap)} directory`;
  const table = children.length === 0 ? "<p>This directory is empty.</p>" : `<table>\n${HEAD}\n${rows}\n</table>`;
  return htmlText(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
${table}
</html>
`);
}

const HEAD = "<tr><th scope=col>Name</th><th scope=col>Kind</th><th scope=col>Size</th></tr>";

const STYLE =
  ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem auto;max-width:50rem;padding:0 1rem}" +
  "h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem}" +
  "td:last-child,th:last-child{text-align:right}tr{border-bottom:1px solid #8884}td:first-child{overflow-wrap:anywhere}";

function describe({ content }: DirectoryCap): string {
  if (!isMutable(content)) return "Immutable";
  return "writeKey" in content && content.writeKey !== undefined ? "Modifiable" : "Read-only";
}

function row({ name, cap, unknown }: Child, linkTo: LinkTo): string {
  const size = cap === undefined || cap.kind === "DIR2" || isVerifyCap(cap) ? undefined : sizeInCap(cap);
  const href = cap && !isVerifyCap(cap) ? linkTo(cap, name) : undefined;
  const shown = escapeHtml(visibleText(name));
  const link = href === undefined ? shown : `<a href="${escapeHtml(href)}" rel="noreferrer">${shown}</a>`;
  return `<tr><td>${link}</td><td>${badge(cap, unknown)}</td><td>${size ?? "?"}</td></tr>`;
}

/**
 * By caps, under the worker's scope. Files are linked in a way that tells them nothing of the directory: an HTML file must not find its
 * directory's cap in its own address or referrer.
 */
export function linkByCap(base: URL): LinkTo {
  return (cap, name) => {
    const text = encodeURIComponent(formatCap(cap));
    if (cap.kind === "DIR2") return `${tahoeUrl(formatCap(cap), { base })}/`;
    return new URL(`file/${text}/@@named=/${encodeURIComponent(name)}`, base).href;
  };
}

/** By names, below the directory's address, which ends in a slash. No URL has a part that is empty, or one dot or two. */
export function linkByName(address: string): LinkTo {
  return ({ kind }, name) =>
    /^\.{0,2}$/.test(name) ? undefined : address + encodeURIComponent(name) + (kind === "DIR2" ? "/" : "");
}

/** As a gateway names the kinds. */
function badge(cap: Cap | undefined, unknown: UnknownCaps | undefined): string {
  if (unknown?.readOnly?.startsWith("imm.")) return "?-IMM";
  if (unknown?.readOnly !== undefined && unknown.readWrite === undefined) return "?-RO";
  if (cap === undefined || isVerifyCap(cap)) return "?";
  if (isMutable(cap)) return "SSK";
  if (cap.kind !== "DIR2") return "FILE";
  if (!isMutable(cap.content)) return "DIR-IMM";
  return formatCap(cap) === formatCap(readCapOf(cap)) ? "DIR-RO" : "DIR";
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
