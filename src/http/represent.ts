import { GridError, isGridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import type { Directory } from "../files/Directory.ts";
import type { FileNode } from "../files/FileNode.ts";
import type { Metadata } from "../files/readChildren.ts";
import { type Cap, type DirectoryCap, type FileCap, isMutable, sizeInCap } from "../formats/Cap.ts";
import { readCapOf } from "../formats/formatCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { badUrl } from "./badUrl.ts";
import { capView, fileJson, infoPage, unknownJson, type ViewText } from "./capViews.ts";
import { directoryJson } from "./directoryJson.ts";
import { directoryPage, type LinkTo, linkByCap, linkByName } from "./directoryPage.ts";
import type { ObjectUrl } from "./parseGridUrl.ts";
import { objectOf, type ResolvedUnknown, resolveCap, resolveObject, resolvePath } from "./resolveObject.ts";
import type { HandleTarget } from "./route.ts";

/** What a target is answered with, whatever the request's conditions, range and method are. */
export type Representation = FileContent | View | Refusal;

/** The bytes of a file. */
export interface FileContent {
  readonly kind: "content";
  readonly node: FileNode;
  /** Strong, in its quotes; undefined for what has none. */
  readonly etag: string | undefined;
  /** The file's name, for its type and for saving. */
  readonly name: string | undefined;
  /** To be saved rather than shown. */
  readonly save: boolean;
  /** A media type that was asked for; else the name decides, else the first bytes. */
  readonly type: string | undefined;
}

/** A text that is made of what is known of an object. */
export interface View {
  readonly kind: "view";
  /** As of content. */
  readonly etag: string | undefined;
  /** What it is, once the request's conditions want it. */
  text(signal: AbortSignal): ViewText | Promise<ViewText>;
  /** Is it a listing for programs, of which a gateway tells in JSON that it cannot be had? */
  readonly isListing: boolean;
}

/** A gateway's words where there is nothing to be had. */
export interface Refusal {
  readonly kind: "refusal";
  readonly text: string;
  readonly why: GridError;
}

/** What representing takes from its surroundings. */
export interface RepresentContext {
  /**
   * The file of a cap, as it is now, on the grid of this name (the first if undefined).
   * @throws where the grid's configuration cannot be had, BAD_URL where no grid has that name, NO_VERSION; the signal's reason
   */
  open(cap: FileCap, grid: string | undefined, signal: AbortSignal): FileNode | Promise<FileNode>;
  /** The directory of a cap, likewise. */
  directory(cap: DirectoryCap, grid: string | undefined): Promise<Directory>;
  /** The archive that a URL was made for, as it is now, with a tag that is the same for the same bytes alone. Throws as reading its folders does. */
  archive(record: HandleRecord, signal: AbortSignal): Promise<{ readonly archive: FileNode; readonly tag: string }>;
}

/** A target, by whom it is asked for, and where it may lead. */
interface Asked {
  readonly isHead: boolean;
  /** Does a program ask, that makes a GridError of an error again? */
  readonly isProgram: boolean;
  /** What grid URLs are under. */
  readonly scope: URL;
}

/**
 * Finds what a target is answered with. A CHK or LIT cap tells it without asking anybody.
 *
 * @throws GridError BAD_URL for a view that there is not and for a way through a file, BAD_CAP, UNSUPPORTED_CAP, NO_CHILD; what reading a
 *   directory and opening a file throw; the signal's reason
 */
export function represent(
  target: ObjectUrl | HandleTarget,
  asked: Asked,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<Representation> {
  return target.kind === "handle"
    ? representHandle(target, signal, context)
    : representObject(target, asked, signal, context);
}

/** Content, and names where that was wanted: any other view would tell a cap to whoever has the URL. */
async function representHandle(
  target: HandleTarget,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<FileContent | View> {
  const { cap, filename, download, type, grid, zip } = target.record;
  if (zip !== undefined) return representArchive(target.record, signal, context);
  const found = resolveCap(cap);
  if (found.kind === "unknown") throw found.why;
  if (found.cap.kind === "DIR2") return representBelow(found.cap, target, signal, context);
  const as = { name: filename || undefined, save: download, type: type || undefined };
  return content(found.cap, as, grid || undefined, signal, context);
}

async function representArchive(
  record: HandleRecord,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<FileContent> {
  const { archive, tag } = await context.archive(record, signal);
  const { filename: name, type } = record;
  return { kind: "content", node: archive, etag: `"ZIP:${tag}"`, name, save: true, type };
}

/** What is in a folder, by the way to it. */
async function representBelow(
  top: DirectoryCap,
  { record, path, address }: HandleTarget,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<FileContent | View> {
  const grid = record.grid || undefined;
  const directory = (cap: DirectoryCap) => context.directory(cap, grid);
  // For reading alone: no child's write cap is deciphered.
  const found = await resolvePath(objectOf(readCapOf(top)), path, signal, directory);
  if (found.kind === "unknown") throw found.why;
  const { cap, name } = found;
  if (cap.kind !== "DIR2") return content(cap, { name, save: record.download, type: undefined }, grid, signal, context);
  if (record.shows !== "listing") throw showsNothing();
  return pageOfDirectory(cap, linkByName(address), () => directory(cap));
}

async function representObject(
  target: ObjectUrl,
  asked: Asked,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<Representation> {
  const { form, t, grid, save } = target;
  const found = await resolveObject(target, signal, (cap) => context.directory(cap, grid));
  if (found.kind === "unknown") return representUnknown(target, found, asked);
  const { cap, name, metadata } = found;
  if (cap.kind === "DIR2") {
    if (form === "file") throw badUrl("The cap of a directory is not a file-cap: use /uri/");
    return viewOfDirectory(cap, t, asked.scope, () => context.directory(cap, grid));
  }
  if (t !== "") {
    if (asked.isHead) throw badView("HEAD file", t);
    return viewOfFile(cap, t, metadata, async () => sizeInCap(cap) ?? sizeOfLatest(cap, grid, signal, context));
  }
  // A name that was walked to is a name as good as one that was only written down.
  const as = { name: target.name ?? name, save, type: undefined };
  return content(cap, as, grid, signal, context);
}

async function content(
  cap: FileCap,
  as: Pick<FileContent, "name" | "save" | "type">,
  grid: string | undefined,
  signal: AbortSignal,
  context: RepresentContext,
): Promise<FileContent> {
  const node = await context.open(cap, grid, signal);
  return { kind: "content", node, etag: entityTag(cap, "", node.version), ...as };
}

function viewOfFile(
  cap: FileCap,
  t: string,
  metadata: Metadata | undefined,
  size: () => Promise<number | undefined>,
): View {
  if (t === "info") return view(undefined, () => infoPage(cap, sizeInCap(cap)));
  const etag = entityTag(cap, t);
  if (t === "json") return view(etag, async () => fileJson({ cap, size: await size(), metadata }));
  const text = capView(t, cap);
  if (text === undefined) throw badView("GET file", t);
  return view(etag, () => text);
}

function viewOfDirectory(cap: DirectoryCap, t: string, scope: URL, open: () => Promise<Directory>): View {
  if (t === "info") return view(undefined, () => infoPage(cap));
  const etag = entityTag(cap, t);
  const list = async (signal: AbortSignal) => (await open()).list(signal);
  if (t === "json") return { ...view(etag, async (signal) => directoryJson(cap, await list(signal))), isListing: true };
  if (t === "") return pageOfDirectory(cap, linkByCap(scope), open);
  const text = capView(t, cap);
  if (text === undefined) throw badView("GET directory", t);
  return view(etag, () => text);
}

function pageOfDirectory(cap: DirectoryCap, linkTo: LinkTo, open: () => Promise<Directory>): View {
  return view(entityTag(cap, ""), async (signal) => directoryPage(cap, await (await open()).list(signal), linkTo));
}

/** There is only `t=json` of it. A person at one of a gateway's URLs gets a gateway's words; a program the reason alone. */
function representUnknown({ form, t }: ObjectUrl, { facts, why }: ResolvedUnknown, asked: Asked): View | Refusal {
  if (asked.isProgram) throw why;
  if (form === "file") throw badUrl(`${why.message.replace(/\.$/, "")}, so what follows /file/ is not a file-cap`);
  if (t === "json" && !asked.isHead) return view(undefined, () => unknownJson(facts));
  return { kind: "refusal", text: `GET unknown URI type: can only do t=json here. ${why.message}`, why };
}

function view(etag: string | undefined, text: View["text"]): View {
  return { kind: "view", etag, text, isListing: false };
}

/** Of a mutable file, and none where no version can be read: the view says what there is to say. */
async function sizeOfLatest(
  cap: FileCap,
  grid: string | undefined,
  signal: AbortSignal,
  { open }: RepresentContext,
): Promise<number | undefined> {
  try {
    return (await open(cap, grid, signal)).size;
  } catch (error) {
    if (isGridError(error, "NO_VERSION")) return undefined;
    throw error;
  }
}

/**
 * Strong: the storage index comes from the key, and a URL's cap, or the signed version, says all else that decides its bytes. A
 * gateway's tag, with the view after the dash, but in the quotes that RFC 9110 wants; a gateway has none of what can change.
 */
function entityTag(cap: Cap, t: string, version?: string): string | undefined {
  if (cap.kind === "DIR2")
    return cap.content.kind === "CHK" ? `"DIR:${storageIndexText(cap.content.storageIndex)}-${t}"` : undefined;
  if (cap.kind === "CHK") return `"${storageIndexText(cap.storageIndex)}-${t}"`;
  if (isMutable(cap) && version !== undefined) return `"${storageIndexText(cap.storageIndex)}-${version}"`;
  return undefined;
}

/** Only what looks like a view's name is repeated: anything may stand there, a cap too. `what` as in "GET file". */
function badView(what: string, t: string): GridError<"BAD_URL"> {
  const reason = `${what}: bad t=${/^[a-z-]{1,20}$/.test(t) ? t : ""}`;
  return new GridError("BAD_URL", { reason }, reason);
}

/** Who has a folder's address need not be told what is in it. */
function showsNothing(): GridError<"UNSUPPORTED_CAP"> {
  const message =
    "This is the address of a directory, and no file. The files in it are below this address, by their paths; grid.list says which. " +
    "It shows them itself only where it was made for that, by grid.url with { listing: true }.";
  return new GridError("UNSUPPORTED_CAP", { kind: "URI:DIR2" }, message);
}
