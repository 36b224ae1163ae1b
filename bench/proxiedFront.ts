import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newTlsIdentity } from "../src/node/grid/GridFolder.ts";
import { NginxServer } from "../src/node/proxy/testing/NginxServer.ts";
import { freePort } from "../src/node/testing/freePort.ts";
import type { TahoeGrid } from "../src/node/testing/TahoeGrid.ts";
import type { Bench } from "./Bench.ts";
import type { Front } from "./BenchBrowser.ts";
import { gridConfig, gridfetch } from "./operatorCommands.ts";

export interface ProxiedFront extends Front {
  /** The grid's `grid.json`. */
  readonly configFile: string;
  readonly nginx: NginxServer;
}

/**
 * An nginx that passes on to the servers as `gridfetch proxy-config` would have it, before an app on the same origin, by HTTP/2.
 * @param options more for `proxy-config`
 * @param logFormat what nginx notes of each request to a server, in its `access.log`; nothing, as an operator has it, without one
 */
export async function startProxiedFront(
  bench: Bench,
  grid: TahoeGrid,
  name: string,
  options: readonly string[] = [],
  logFormat?: string,
): Promise<ProxiedFront> {
  const [port, appPort] = [await freePort(), await freePort()];
  const origin = `https://127.0.0.1:${port}`;
  const own = join(bench.folder, name);
  await gridfetch("proxy-config", "--servers", grid.serversFile, "--origin", origin, "--folder", own, ...options);
  const { cert, key } = await newTlsIdentity();
  await writeFile(join(own, "front.pem"), cert);
  await writeFile(join(own, "front.key"), key);
  if (logFormat !== undefined) {
    const locations = await readFile(join(own, "locations.conf"), "utf8");
    await writeFile(
      join(own, "locations.conf"),
      locations.replaceAll("access_log off;", "access_log access.log bench;"),
    );
  }
  const http = `
    ${logFormat === undefined ? "" : `log_format bench '${logFormat}';`}
    include ${own}/http.conf;
    server {
      listen 127.0.0.1:${port} ssl http2;
      ssl_certificate ${own}/front.pem;
      ssl_certificate_key ${own}/front.key;
      include ${own}/locations.conf;
      location / { access_log off; proxy_pass http://127.0.0.1:${appPort}; }
    }`;
  const nginx = await NginxServer.start(join(own, "run"), http, port);
  const configFile = join(own, "grid.json");
  await writeFile(configFile, await gridConfig(grid.serversFile, "proxy", `${origin}/grid-servers/`));
  return { url: `${origin}/`, appPort, configFile, nginx };
}
