import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { AppServer } from "./AppServer.ts";
import { putSamples, type Sample, type UploadReport } from "./putSamples.ts";

export interface DemoOptions {
  /** Where the grid and the caps of its files are kept; made if it is not there. */
  readonly folder: string;
  /** The built app. */
  readonly appFolder: string;
  /** The files to put on the grid. */
  readonly samplesFolder: string;
  /** The app's port, or the next free one after it; 0 for any. */
  readonly port: number;
  /** How many storage servers, 1 to 100. */
  readonly servers: number;
  /** Hears what happens, a line at a time. */
  readonly log: (line: string) => void;
  readonly report: UploadReport;
  readonly signal: AbortSignal;
}

/** A development grid with files on it, and the app to see them with. */
export interface Demo {
  readonly grid: DevelopmentGrid;
  readonly app: AppServer;
  readonly samples: readonly Sample[];
  close(): Promise<void>;
}

/** @throws GridError, the signal's reason, or what the system says of folders and ports */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { folder, samplesFolder, servers, log, report, signal } = options;
  await mkdir(folder, { recursive: true });
  const grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers, log });
  try {
    const samples = await putSamples({
      folder: samplesFolder,
      serversFile: grid.serversFile,
      rememberIn: join(folder, "caps.json"),
      report,
      signal,
    });
    const app = await AppServer.start({
      folder: options.appFolder,
      port: options.port,
      documents: { "/grid.json": JSON.parse(await readFile(grid.configFile, "utf8")), "/samples.json": samples },
    });
    const close = async () => {
      await Promise.all([app.close(), grid.close()]);
    };
    return { grid, app, samples, close };
  } catch (error) {
    await grid.close();
    throw error;
  }
}
