import { writePrivateFile } from "../disk/replaceFile.ts";
import { gridDocument, withSecrets } from "../operator/gridDocument.ts";
import { readAnnouncements } from "../transport/readAnnouncements.ts";
import { readNodeFolder } from "../transport/readNodeFolder.ts";
import { type Terminal, tell } from "./Terminal.ts";
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
  const lists = [...options.servers.map(readAnnouncements), ...options.node.map(readNodeFolder)];
  const announcements = (await Promise.all(lists)).flat();
  const { grid, secrets, warnings } = gridDocument(announcements, options);
  for (const warning of warnings) tell(terminal, warning);
  if (options.relay === undefined && options.proxy === undefined && grid.servers.some(needsWay)) {
    tell(terminal, "Browsers reach no NURL by themselves: add --relay URL or --proxy URL.");
  }
  const file = options.withoutSecrets;
  if (file !== undefined) {
    await writePrivateFile(file, `${JSON.stringify(secrets, undefined, 2)}\n`);
    tell(terminal, `The swissnums are in ${file}: the page gives them, as connect({ secrets }).`);
  }
  const document = file === undefined ? withSecrets(grid, secrets) : grid;
  terminal.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}

function needsWay({ addresses }: { readonly addresses: readonly object[] }): boolean {
  return addresses.every((address) => "nurl" in address);
}
