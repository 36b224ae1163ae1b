import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { formatCap } from "../src/formats/formatCap.ts";
import { UploadServer } from "../src/node/encode/UploadServer.ts";
import { uploadFile } from "../src/node/encode/uploadFile.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../src/node/grid/developmentGrid.ts";
import { readServerList } from "../src/node/transport/readServerList.ts";
import type { Bench } from "./Bench.ts";
import { GeneratedFile, type GeneratedFileOptions } from "./generated/GeneratedFile.ts";

const SERVERS = 10;

/** A development grid of ten servers with files to measure by. */
export class BenchGrid {
  readonly grid: DevelopmentGrid;
  readonly #folder: string;

  private constructor(grid: DevelopmentGrid, folder: string) {
    this.grid = grid;
    this.#folder = folder;
  }

  /** @param name tells this grid's folder from those of others */
  static async start({ folder }: Bench, name: string): Promise<BenchGrid> {
    const own = join(folder, name);
    return new BenchGrid(await startDevelopmentGrid({ folder: own, servers: SERVERS }), own);
  }

  /**
   * Puts the shares of a generated file straight into the servers' folders, as sparse files: gigabytes cost nothing.
   * @returns the path of its grid URL
   */
  async place(options: GeneratedFileOptions): Promise<string> {
    const file = new GeneratedFile(options);
    for (let n = 0; n < options.total; n++) {
      const folder = join(this.#folder, `server-${n % SERVERS}`, "shares", file.storageIndexText);
      await mkdir(folder, { recursive: true });
      const share = await open(join(folder, String(n)), "w");
      for (const [offset, bytes] of file.parts(n)) await share.write(bytes, 0, bytes.length, offset);
      await share.close();
    }
    return gridUrl(formatCap(file.cap));
  }

  /** The latency dial of every server, in milliseconds. */
  setLatency(latency: number): void {
    for (let server = 0; server < SERVERS; server++) this.grid.setDials(server, { latency });
  }

  /** Requests that the servers got, and bytes of share data that they sent, since the last call. */
  takeCounters(): { requests: number; bytes: number } {
    const counters = this.grid.status().map((server) => server.counters);
    this.grid.reset();
    return {
      requests: counters.reduce((sum, { requests }) => sum + requests, 0),
      bytes: counters.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    };
  }
}

/** Uploads a file with the usual encoding and gives its cap. */
export async function upload(path: string, serversFile: string): Promise<string> {
  const { servers } = await readServerList(serversFile);
  const { cap } = await uploadFile({
    path,
    servers: servers.map(({ server, transport, swissnum }) => new UploadServer(server, transport, swissnum)),
    signal: AbortSignal.timeout(300_000),
  });
  return cap;
}

/** The path under which the worker serves a file. */
export function gridUrl(cap: string): string {
  return `/uri/${encodeURIComponent(cap)}`;
}
