import { systemClock } from "../../base/Clock.ts";
import type { GridCheck, ServerCheck } from "../../base/GridCheck.ts";
import { checkGrid } from "../../servers/checkGrid.ts";
import { nodeAddressTransport } from "../transport/nodeAddressTransport.ts";
import { type GridOption, readGrids } from "./readGrids.ts";
import { print, type Terminal } from "./Terminal.ts";

export interface CheckOptions extends GridOption {
  readonly json?: boolean;
  /** Whose page relays are to take this for: the last counts. */
  readonly origin?: readonly string[];
}

/**
 * Asks every server of a grid, or of several, by every address, and prints which of them work and why others do not.
 *
 * @throws Error if one does not, GridError BAD_CONFIG if it cannot be said which servers there are
 */
export async function checkCommand(options: CheckOptions, terminal: Terminal): Promise<void> {
  const { grids, unusable } = await readGrids(options, terminal);
  // No origin: errors say more here than in a browser.
  const platform = {
    makeTransport: nodeAddressTransport(options.origin?.at(-1)),
    origin: undefined,
    permissionOf: async () => undefined,
    clock: systemClock,
  };
  const checks: GridCheck[] = [];
  for (const grid of grids) checks.push(await checkGrid(grid, {}, platform, terminal.signal));
  print(terminal, options.json ? `${JSON.stringify({ grids: checks }, undefined, 2)}\n` : checks.map(table).join("\n"));
  const addresses = checks.flatMap(({ servers }) => servers.flatMap((server) => server.addresses));
  const failing = addresses.filter(({ works }) => !works).length + unusable;
  if (failing > 0) throw new Error(`${failing} of ${addresses.length + unusable} addresses cannot be used.`);
}

/** For people: a line for each address, and under it what is wrong and what to do. */
function table({ name, servers }: GridCheck): string {
  const working = servers.filter(({ works }) => works).length;
  const width = Math.max(...servers.map((server) => server.name.length));
  const title = `${name === undefined ? "" : `${name}: `}${working} of ${servers.length} servers can be used`;
  return [title, ...servers.flatMap((server) => linesOf(server, width)), ""].join("\n");
}

function linesOf({ name, addresses }: ServerCheck, width: number): string[] {
  const indent = " ".repeat(width + 4);
  return addresses.flatMap(({ address, works, latency, version, finding }, index) => {
    const state = works ? `works  ${Math.round(latency ?? 0)} ms` : `FAILS  ${finding?.problem}`;
    const line = `  ${(index === 0 ? name : "").padEnd(width)}  ${[state, address, version].filter(Boolean).join("  ")}`;
    return finding === undefined ? [line] : [line, `${indent}${finding.what}`, `${indent}${finding.advice}`];
  });
}
