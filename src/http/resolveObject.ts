import { GridError, isGridError } from "../base/GridError.ts";
import type { Directory } from "../files/Directory.ts";
import type { Child, Metadata, UnknownCaps } from "../files/readChildren.ts";
import { type Cap, type DirectoryCap, type FileCap, isVerifyCap } from "../formats/Cap.ts";
import { hasUnknownKind, parseCap } from "../formats/parseCap.ts";
import { badUrl } from "./badUrl.ts";
import type { UnknownFacts } from "./capViews.ts";
import type { ObjectUrl } from "./parseGridUrl.ts";

/** What a URL names. */
export type Resolved = ResolvedObject | ResolvedUnknown;

export interface ResolvedObject {
  readonly kind: "object";
  /** A file's or a directory's. */
  readonly cap: FileCap | DirectoryCap;
  /** The path that was walked to it, for what it is called. */
  readonly name: string | undefined;
  readonly metadata: Metadata | undefined;
}

/** What is no cap, a cap of the future, and a cap that allows no reading. */
export interface ResolvedUnknown {
  readonly kind: "unknown";
  readonly facts: UnknownFacts;
  /** Why its content cannot be had. */
  readonly why: GridError;
}

/**
 * Finds what a URL names: what its cap does, or a descendant of the directory that the cap does.
 *
 * @throws GridError BAD_URL for a way through a file or an empty name, NO_CHILD; what reading a directory throws; the signal's reason
 */
export function resolveObject(
  { capText, path }: ObjectUrl,
  signal: AbortSignal,
  directory: (cap: DirectoryCap) => Promise<Directory>,
): Promise<Resolved> {
  return resolvePath(resolveCap(capText), path, signal, directory);
}

/** What a path leads to from there. Throws likewise. */
export async function resolvePath(
  from: Resolved,
  path: readonly string[],
  signal: AbortSignal,
  directory: (cap: DirectoryCap) => Promise<Directory>,
): Promise<Resolved> {
  let here = from;
  for (const [index, name] of path.entries()) {
    if (here.kind === "unknown") throw here.why;
    if (here.cap.kind !== "DIR2") throw badUrl("Files have no children named so: a directory must stand before it");
    // A slash after a directory says nothing more.
    if (name === "" && index === path.length - 1) break;
    if (name === "") throw badUrl("The path has an empty part");
    const child = await (await directory(here.cap)).child(name, signal);
    if (child === undefined) throw noChild(index + 1);
    here = resolveChild(child);
  }
  return here;
}

/** What a cap names. It is not asked for anywhere. */
export function resolveCap(capText: string): Resolved {
  try {
    return objectOf(parseCap(capText));
  } catch (error) {
    if (isGridError(error, "BAD_CAP")) return { kind: "unknown", facts: factsOfUnknown(capText), why: error };
    throw error;
  }
}

function resolveChild({ name, cap, unknown, metadata }: Child): Resolved {
  if (cap !== undefined) return objectOf(cap, name, metadata);
  const why = new GridError(
    "UNSUPPORTED_CAP",
    { kind: "unknown" },
    "This child of a directory is of a kind that is not known here.",
  );
  return { kind: "unknown", facts: { ...factsOfUnknownChild(unknown), metadata }, why };
}

/** What a parsed cap names, where it was reached by that name. */
export function objectOf(cap: Cap, name?: string, metadata?: Metadata): Resolved {
  if (isVerifyCap(cap)) {
    const kind = `URI:${cap.kind}`;
    const why = new GridError(
      "UNSUPPORTED_CAP",
      { kind },
      "This is a verify cap: with it shares can be checked, and nothing be read. Ask for the read cap.",
    );
    return { kind: "unknown", facts: metadata ? { metadata } : {}, why };
  }
  return { kind: "object", cap, name, metadata };
}

/** A prefix bounds what the cap lets its holder do, so that it may be repeated; a broken known cap is not. */
function factsOfUnknown(capText: string): UnknownFacts {
  if (!hasUnknownKind(capText)) return {};
  if (capText.startsWith("ro.")) return { ro_uri: capText };
  return capText.startsWith("imm.") ? { ro_uri: capText, mutable: false } : {};
}

/** As a gateway has it: whether it can change is said here, and not in a listing. */
function factsOfUnknownChild(caps: UnknownCaps | undefined): UnknownFacts {
  const { readOnly, readWrite } = caps ?? {};
  return {
    ...(readOnly !== undefined && { ro_uri: readOnly }),
    ...(readWrite !== undefined && { rw_uri: readWrite, mutable: true }),
    ...(readWrite === undefined && readOnly?.startsWith("imm.") && { mutable: false }),
  };
}

/** As a directory knows them. */
export function unknownFacts(caps: UnknownCaps | undefined): UnknownFacts {
  const { readWrite, readOnly } = caps ?? {};
  return {
    ...(readWrite !== undefined && { rw_uri: readWrite }),
    ...(readOnly !== undefined && { ro_uri: readOnly }),
  };
}

function noChild(depth: number): GridError<"NO_CHILD"> {
  const message = `No such child: the directory has nothing of the name that is part ${depth} of the path.`;
  return new GridError("NO_CHILD", { depth }, message);
}
