import type { CapInfo, Entry } from "../base/Entry.ts";
import { linkTimes } from "../files/linkTimes.ts";
import type { Child } from "../files/readChildren.ts";
import { type Cap, isMutable, isVerifyCap, sizeInCap } from "../formats/Cap.ts";
import { formatCap, readCapOf } from "../formats/formatCap.ts";
import { typeOfName } from "./contentType.ts";

/** What a page is told of a child. */
export function entryOf({ name, cap, metadata }: Child): Entry {
  const info = infoOf(cap, name);
  const isKnown = cap !== undefined && info.kind !== "unknown";
  return { name, ...info, cap: isKnown ? formatCap(readCapOf(cap)) : undefined, ...linkTimes(metadata) };
}

/** What a cap tells by itself, and a name. */
export function infoOf(cap: Cap | undefined, name: string): CapInfo {
  if (cap === undefined || isVerifyCap(cap))
    return { kind: "unknown", size: undefined, type: undefined, mutable: undefined };
  if (cap.kind === "DIR2")
    return { kind: "directory", size: undefined, type: undefined, mutable: isMutable(cap.content) };
  return { kind: "file", size: sizeInCap(cap), type: typeOfName(name), mutable: isMutable(cap) };
}
