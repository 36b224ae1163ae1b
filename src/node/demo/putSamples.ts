import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { utf8 } from "../../base/bytes.ts";
import { typeOfName, UNKNOWN_TYPE } from "../../http/contentType.ts";
import { writePrivateFile } from "../disk/replaceFile.ts";
import { UploadServer } from "../encode/UploadServer.ts";
import { type UploadProgress, uploadFile } from "../encode/uploadFile.ts";
import { readServerList } from "../transport/readServerList.ts";

/** A file on the demo grid, as the app lists it. */
export interface Sample {
  readonly name: string;
  readonly cap: string;
  /** In bytes. */
  readonly size: number;
  /** Its media type. */
  readonly type: string;
}

/** Hears of the uploads, one after the other. */
export interface UploadReport {
  /** So many bytes are on their way, 0 at first. */
  uploading(name: string, done: number, total: number): void;
  uploaded(name: string): void;
}

export interface PutSamplesOptions {
  /** The files to put on the grid; Markdown files say what the others are, and stay here. */
  readonly folder: string;
  /** The grid's static server list. */
  readonly serversFile: string;
  /** Where the caps are kept. */
  readonly rememberIn: string;
  readonly report: UploadReport;
  readonly signal: AbortSignal;
}

/** Whoever has the checkout has the files. With a secret that never changes, an upload that was broken off goes on. */
const CONVERGENCE = utf8("gridfetch sample files");

/**
 * Puts the sample files onto the grid, those that are not there yet, and gives the caps of all.
 * @throws GridError UPLOAD_FAILED, or the signal's reason
 */
export async function putSamples(options: PutSamplesOptions): Promise<Sample[]> {
  const { report, signal } = options;
  const remembered = await recall(options.rememberIn);
  const { servers } = await readServerList(options.serversFile);
  const uploadServers = servers.map(({ server, transport, swissnum }) => new UploadServer(server, transport, swissnum));
  const grid = servers.map(({ server }) => server.id).sort();
  const samples: Sample[] = [];
  for (const name of await sampleNames(options.folder)) {
    const path = join(options.folder, name);
    const { size } = await stat(path);
    // A file is there if the same bytes were put on the same servers.
    const proof = createHash("sha256")
      .update(JSON.stringify(grid))
      .update(await readFile(path))
      .digest("hex");
    let cap = remembered[proof];
    if (cap === undefined) {
      report.uploading(name, 0, size);
      const progress = ({ phase, done }: UploadProgress) => {
        // The pass for the key is short, and to show it would make the bar run twice.
        if (phase === "shares") report.uploading(name, done, size);
      };
      ({ cap } = await uploadFile({ path, servers: uploadServers, convergence: CONVERGENCE, progress, signal }));
      report.uploaded(name);
      remembered[proof] = cap;
      await writePrivateFile(options.rememberIn, `${JSON.stringify(remembered, undefined, 2)}\n`);
    }
    samples.push({ name, cap, size, type: typeOfName(name) ?? UNKNOWN_TYPE });
  }
  return samples;
}

async function sampleNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && extname(entry.name) !== ".md")
    .map((entry) => entry.name)
    .sort();
}

/** Caps by the proof that their files are on the grid. What cannot be read is as good as forgotten. */
async function recall(file: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return {};
  }
}
