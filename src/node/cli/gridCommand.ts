import type { DialOption } from "../grid/Dials.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import type { Terminal } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";
import { untilStopped } from "./untilStopped.ts";

export interface GridOptions {
  readonly folder: string;
  readonly count: number;
  readonly https?: boolean;
  readonly dial: readonly DialOption[];
}

/** Runs a development grid until the user stops it. */
export async function gridCommand(options: GridOptions, terminal: Terminal): Promise<void> {
  const { folder, count: servers, https = false, dial: dials } = options;
  const missing = dials.find(({ server }) => server !== undefined && server >= servers);
  if (missing !== undefined) throw new UsageError(`there is no server ${missing.server}, only 0 to ${servers - 1}`);
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
    await untilStopped(terminal.signal);
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
