import { GridError } from "../../base/GridError.ts";
import { writePrivateFile } from "../disk/replaceFile.ts";
import { gridDocument, withSecrets } from "../operator/gridDocument.ts";
import { readAnnouncements } from "../transport/readAnnouncements.ts";
import { readNodeFolder } from "../transport/readNodeFolder.ts";
import { print, type Terminal, tell } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

export interface GridConfigOptions {
  readonly servers: readonly string[];
  readonly node: readonly string[];
  readonly name?: string;
  readonly relay?: string;
  readonly proxy?: string;
  /** Where the swissnums go that are left out of the document. */
  readonly withoutSecrets?: string;
}

/** Prints the document that a web app serves as `grid.json`. */
export async function gridConfigCommand(options: GridConfigOptions, terminal: Terminal): Promise<void> {
  if (options.servers.length + options.node.length === 0) {
    throw new UsageError("no grid is named: add --servers FILE, a static server list, or --node DIR, a node directory");
  }
  if (options.servers.filter((path) => path === "-").length > 1) throw new UsageError("stdin can be one list only");
  const lists = await Promise.all([
    ...options.servers.map((path) => readAnnouncements(path, terminal)),
    ...options.node.map((folder) => readNodeFolder(folder, terminal.signal)),
  ]);
  const { grid, secrets, warnings } = gridDocument(lists, options);
  for (const warning of warnings) tell(terminal, warning);
  if (grid === undefined) {
    const reason = "no server can be used, for the reasons above";
    throw new GridError("BAD_CONFIG", { reason }, `No grid configuration can be made: ${reason}.`);
  }
  if (options.relay === undefined && options.proxy === undefined && grid.servers.some(needsWay)) {
    tell(terminal, "Browsers reach no NURL by themselves: add --relay URL or --proxy URL.");
  }
  const file = options.withoutSecrets;
  if (file !== undefined) {
    await writePrivateFile(file, `${JSON.stringify(secrets, undefined, 2)}\n`);
    tell(terminal, `The swissnums are in ${file}: the page gives them, as connect({ secrets }).`);
  }
  const document = file === undefined ? withSecrets(grid, secrets) : grid;
  print(terminal, `${JSON.stringify(document, undefined, 2)}\n`);
}

function needsWay({ addresses }: { readonly addresses: readonly object[] }): boolean {
  return addresses.every((address) => "nurl" in address);
}
