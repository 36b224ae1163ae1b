import type { Child } from "../files/readChildren.ts";
import { type Cap, type DirectoryCap, isMutable, isVerifyCap, sizeInCap } from "../formats/Cap.ts";
import { capFacts, formatOf, jsonText, type ViewText } from "./capViews.ts";
import { unknownFacts } from "./resolveObject.ts";

/** A directory's children as a gateway's `t=json` has them. */
export function directoryJson(cap: DirectoryCap, children: readonly Child[]): ViewText {
  return jsonText([
    "dirnode",
    {
      children: Object.fromEntries(children.map((child) => [child.name, childFacts(child)])),
      ...capFacts(cap),
      mutable: isMutable(cap.content),
    },
  ]);
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
