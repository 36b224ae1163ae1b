import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type NginxSettings, nginxConfig } from "../proxy/nginxConfig.ts";
import { proxiedServers } from "../proxy/proxiedServers.ts";
import { badList } from "../transport/readListText.ts";
import { readUsableServers } from "../transport/usableServers.ts";
import { print, type Terminal, tell, tellList } from "./Terminal.ts";
import { UsageError } from "./UsageError.ts";

export interface ProxyConfigOptions {
  readonly servers: string;
  readonly origin: readonly string[];
  readonly folder: string;
  readonly sameOriginPath?: string;
  readonly url?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  /** Bytes. */
  readonly cache?: number;
}

/**
 * Writes a configuration for nginx and the certificates that it pins into a folder, and prints what goes into the
 * configuration that is there.
 *
 * @throws UsageError, GridError BAD_CONFIG if no server of the list can be used
 */
export async function proxyConfigCommand(options: ProxyConfigOptions, terminal: Terminal): Promise<void> {
  const place = placeOf(options);
  // nginx reads relative paths from a folder of its own.
  const folder = resolve(options.folder);
  const list = await readUsableServers(options.servers, terminal);
  tellList(terminal, list);
  const certificates = join(folder, "certificates");
  const { servers, warnings } = await proxiedServers(list.servers, certificates, Date.now(), terminal.signal);
  for (const warning of warnings) tell(terminal, warning);
  if (servers.length === 0) {
    throw badList(options.servers, "no server of it can be used, for the reasons above");
  }
  const cache = options.cache === undefined ? {} : { cache: { folder: join(folder, "cache"), size: options.cache } };
  const { http, locations } = nginxConfig({ servers, origins: options.origin, ...place, ...cache });
  await writeFile(join(folder, "http.conf"), http);
  const lines = ["# Into http { … }:", `include ${join(folder, "http.conf")};`];
  if (locations !== undefined) {
    await writeFile(join(folder, "locations.conf"), locations);
    lines.push("# Into the server { … } of the app:", `include ${join(folder, "locations.conf")};`);
  }
  print(terminal, `${lines.join("\n")}\n`);
  const root = options.url ?? options.origin.map((origin) => `${origin}${place.path}`).join(" or ");
  tell(terminal, `Then reload nginx, and make the app's grid.json with: gridfetch grid-config --proxy ${root}`);
}

function placeOf(options: ProxyConfigOptions): Pick<NginxSettings, "path" | "host"> {
  const { sameOriginPath, url, tlsCertificate: certificate, tlsKey: key } = options;
  if (url === undefined) {
    // Not /grid/: under that the worker has the files' own URLs, and answers what a page asks for.
    if (certificate ?? key) throw new UsageError("--tls-certificate and --tls-key are for --url");
    return { path: sameOriginPath ?? "/grid-servers/" };
  }
  if (sameOriginPath !== undefined) throw new UsageError("--same-origin-path and --url cannot both be given");
  const { protocol, hostname, port, pathname } = new URL(url);
  const path = pathname.endsWith("/") ? pathname : `${pathname}/`;
  if (protocol === "http:") return { path, host: { name: hostname, port: Number(port || 80) } };
  if (certificate === undefined || key === undefined) {
    throw new UsageError("an https --url needs --tls-certificate and --tls-key, what its web server shows to browsers");
  }
  const tls = { certificate: resolve(certificate), key: resolve(key) };
  return { path, host: { name: hostname, port: Number(port || 443), tls } };
}
