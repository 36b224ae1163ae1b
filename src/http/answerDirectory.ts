import type { Directory } from "../files/Directory.ts";
import type { Child } from "../files/readDirectory.ts";
import { type Cap, type DirectoryCap, isVerifyCap } from "../formats/Cap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { badView } from "./badView.ts";
import { capFacts, formatOf, infoPage, isMutable, jsonView, pageView, sizeInCap, viewOfCap } from "./capViews.ts";
import { conditionalAnswer } from "./conditionalAnswer.ts";
import { directoryPage } from "./directoryPage.ts";
import { unknownFacts } from "./resolveObject.ts";

/**
 * Answers a GET or HEAD for a directory: a page of links, or what `t=` asks for.
 *
 * @param base what grid URLs are under
 * @throws what reading the directory throws
 */
export async function answerDirectory(request: Request, directory: Directory, t: string, base: URL): Promise<Response> {
  const { cap } = directory;
  const etag = entityTag(cap, t);
  const view = t === "info" ? infoPage(cap) : viewOfCap(t, cap, etag);
  if (view === undefined && t !== "" && t !== "json") return badView("GET directory", t);
  const early = conditionalAnswer(request.headers, etag) ?? view;
  if (early !== undefined) return early;
  const children = await directory.list(request.signal);
  if (t === "json") return jsonView(["dirnode", directoryFacts(cap, children)], etag);
  return pageView(directoryPage(cap, children, base), etag);
}

/** Of a directory that cannot change. */
function entityTag({ content }: DirectoryCap, t: string): string | undefined {
  return content.kind === "CHK" && t !== "info" ? `"DIR:${storageIndexText(content.storageIndex)}-${t}"` : undefined;
}

function directoryFacts(cap: DirectoryCap, children: readonly Child[]): Record<string, unknown> {
  return {
    children: Object.fromEntries(children.map((child) => [child.name, childFacts(child)])),
    ...capFacts(cap),
    mutable: isMutable(cap.content),
  };
}

function childFacts({ cap, unknown, metadata }: Child): unknown {
  if (cap === undefined || isVerifyCap(cap)) return ["unknown", { metadata, ...unknownFacts(unknown) }];
  if (cap.kind === "DIR2") return ["dirnode", { mutable: isMutable(cap.content), metadata, ...childCapFacts(cap) }];
  const size = sizeInCap(cap);
  return [
    "filenode",
    {
      mutable: isMutable(cap),
      format: formatOf(cap),
      ...(size !== undefined && { size }),
      metadata,
      ...childCapFacts(cap),
    },
  ];
}

/** In the order in which gateways list them here, and here alone. */
function childCapFacts(cap: Cap): Record<string, string | undefined> {
  const { rw_uri, ...others } = capFacts(cap);
  return { ...(rw_uri !== undefined && { rw_uri }), ...others };
}
