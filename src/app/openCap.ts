import { GridError } from "../base/GridError.ts";
import { fetchFromWorker } from "../client/fetchFromWorker.ts";
import type { Grid } from "../client/Grid.ts";
import { parseCap } from "../formats/parseCap.ts";
import type { NewEntry } from "./Library.ts";
import { guessName, probe } from "./probe.ts";
import { readCapText } from "./readCapText.ts";
import { readOnlyCap } from "./readOnlyCap.ts";

/**
 * Finds out what a cap is of: a directory by the cap alone, a file by its first bytes. What it gives has the read cap, even of a write cap.
 *
 * @param text with a cap in it
 * @param name what to call it; else what the text says, else what fits the first bytes
 * @throws Error in words for the reader
 */
export async function openCap(grid: Grid, text: string, name = ""): Promise<NewEntry> {
  const found = readCapText(text);
  if (found === undefined)
    throw new Error("There is no cap in this text. A cap begins with URI: and is all that is needed.");
  const cap = readOnlyCap(found.cap);
  const given = name.trim() || found.name;
  if (isDirectory(cap)) return { kind: "directory", cap, name: given || "Directory", type: "", size: 0 };
  const { size, head } = await probe(grid.url(cap));
  return describeFile(grid, cap, given || guessName(head), size);
}

/** A file whose size is known. The worker knows types by name; HEAD costs no network for a file that cannot change. */
export async function describeFile(grid: Grid, cap: string, name: string, size: number): Promise<NewEntry> {
  const response = await fetchFromWorker(grid.url(cap, { filename: name }), { method: "HEAD" });
  return { kind: "file", cap, name, size, type: response.headers.get("Content-Type") ?? "" };
}

/** @throws GridError BAD_CAP */
function isDirectory(cap: string): boolean {
  const { kind } = parseCap(cap);
  if (kind === "CHK" || kind === "LIT" || kind === "SSK" || kind === "MDMF") return false;
  if (kind === "DIR2") return true;
  const reason = "it allows checking a file's shares and not reading them";
  throw new GridError("BAD_CAP", { reason }, `This is not a cap that can be used: ${reason}.`);
}
