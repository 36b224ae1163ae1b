import { parseDialOption } from "../grid/Dials.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import type { Terminal } from "./Terminal.ts";

export interface GridOptions {
  readonly folder: string;
  readonly count: number;
  readonly https?: boolean;
  readonly dial: readonly string[];
}

/** Runs a development grid until the user stops it. */
export async function gridCommand(options: GridOptions, terminal: Terminal): Promise<void> {
  const { folder, count: servers, https = false } = options;
  const dials = options.dial.map(parseDialOption);
  // Whoever read the log may leave; the grid goes on.
  terminal.stdout.on("error", () => undefined);
  const log = (line: string) => {
    terminal.stdout.write(`${line}\n`);
  };
  const grid = await startDevelopmentGrid({ folder, servers, https, log });
  try {
    for (const { server, settings } of dials) {
      const turned = server === undefined ? grid.status().map(({ index }) => index) : [server];
      for (const index of turned) grid.setDials(index, settings);
    }
    log(introduction(grid));
    await stopped(terminal.signal);
  } finally {
    await grid.close();
  }
}

function introduction(grid: DevelopmentGrid): string {
  const lines = grid.addresses.map(({ nickname, url, nurl }) => `  ${nickname}  ${nurl ?? url}`);
  return [
    `${lines.length} storage servers:`,
    ...lines,
    `Dials     ${grid.controlUrl}/servers`,
    `--servers ${grid.serversFile}`,
    `grid.json ${grid.configFile}`,
    "Ctrl-C stops them.",
  ].join("\n");
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
