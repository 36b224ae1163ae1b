import { createHash, X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { relayLocation } from "../e2e/testing/relayLocation.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { newTlsIdentity } from "../src/node/grid/GridFolder.ts";
import { NginxServer } from "../src/node/proxy/testing/NginxServer.ts";
import { freePort } from "../src/node/testing/freePort.ts";
import type { TahoeGrid } from "../src/node/testing/TahoeGrid.ts";
import { DelayingProxies } from "./DelayingProxies.ts";
import { gridConfig, gridfetch } from "./operatorCommands.ts";
import { startRelay } from "./startRelay.ts";

export type Way = "relay" | "nginx";
export type Distance = "near" | "far";

/** An app's web server as a visitor meets it, with one way to the grid's servers. */
export interface FarFront {
  readonly way: Way;
  readonly distance: Distance;
  /** `https://127.0.0.1:<port>/` */
  readonly url: string;
}

/** What `FarFronts` stands before. */
export interface Behind {
  readonly grid: TahoeGrid;
  /** The web gateway of a client node: `http://127.0.0.1:<port>/`. */
  readonly gateway: string;
  /** The app's files. */
  readonly appFolder: string;
  /** A folder for what the fronts write. */
  readonly folder: string;
}

/**
 * nginx before an app, a relay and storage servers, all of them side by side, and the way from the visitors to it: each of the two ways
 * to the grid once without delay and once with it. TLS ends at nginx, so its round trips are the visitor's.
 */
export class FarFronts {
  readonly fronts: readonly FarFront[];
  /** The gateway by a way of the same length. */
  readonly gateways: Readonly<Record<Distance, string>>;
  /** SHA-256 of the certificate's public key in base64, as Chromium's `--ignore-certificate-errors-spki-list` takes it. */
  readonly spki: string;
  /** Has the far ones stand still for so many milliseconds. */
  readonly standStill: (ms: number) => void;
  readonly #close: () => Promise<void>;

  private constructor(
    fronts: readonly FarFront[],
    gateways: Readonly<Record<Distance, string>>,
    spki: string,
    standStill: (ms: number) => void,
    close: () => Promise<void>,
  ) {
    this.fronts = fronts;
    this.gateways = gateways;
    this.spki = spki;
    this.standStill = standStill;
    this.#close = close;
  }

  /** @param roundTrip of the far ones, in milliseconds */
  static async start(behind: Behind, roundTrip: number): Promise<FarFronts> {
    const closers: (() => Promise<void>)[] = [];
    const close = async (): Promise<void> => {
      for (const each of closers.reverse()) await each();
    };
    try {
      const gatewayPort = Number(new URL(behind.gateway).port);
      const ports = await Promise.all(Array.from({ length: 4 }, freePort));
      const proxies: Record<Distance, DelayingProxies> = {
        near: await DelayingProxies.start([...ports.slice(0, 2), gatewayPort], { roundTrip: 0, handshake: true }),
        far: await DelayingProxies.start([...ports.slice(2), gatewayPort], { roundTrip, handshake: true }),
      };
      closers.push(
        () => proxies.near.close(),
        () => proxies.far.close(),
      );
      const fronts = (["near", "far"] as const).flatMap((distance, row) =>
        (["relay", "nginx"] as const).map((way, column) => ({
          way,
          distance,
          url: `https://127.0.0.1:${proxies[distance].ports[column]}/`,
          port: ports[2 * row + column]!,
        })),
      );
      const relay = await startRelay(
        behind.grid.serversFile,
        fronts.map(({ url }) => new URL(url).origin),
      );
      closers.push(() => relay.close());
      const { cert, key } = await newTlsIdentity();
      await writeFile(join(behind.folder, "front.pem"), cert);
      await writeFile(join(behind.folder, "front.key"), key);
      const blocks: string[] = [];
      for (const front of fronts) {
        const app = await startApp(behind, front);
        closers.push(() => app.close());
        blocks.push(await nginxBlock(behind, front, { app: app.port, relay: relay.port }));
      }
      const nginx = await NginxServer.start(join(behind.folder, "run"), blocks.join("\n"), ports[0]!);
      closers.push(() => nginx.stop());
      const [near, far] = [proxies.near.ports[2], proxies.far.ports[2]].map((port) => `http://127.0.0.1:${port}/`);
      const standStill = (ms: number): void => proxies.far.standStill(ms);
      return new FarFronts(fronts, { near: near!, far: far! }, spkiOf(cert), standStill, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#close();
  }
}

async function startApp({ grid, appFolder }: Behind, { way, url }: FarFront): Promise<AppServer> {
  const own = new URL(way === "relay" ? "relay/" : "grid-servers/", url);
  if (way === "relay") own.protocol = "wss:";
  const config = await gridConfig(grid.serversFile, way === "relay" ? "relay" : "proxy", own.href);
  return AppServer.start({ folder: appFolder, port: 0, documents: { "/grid.json": JSON.parse(config) } });
}

/** A `server` as docs/operators.md has it. */
async function nginxBlock(
  { grid, folder }: Behind,
  { way, distance, url, port }: FarFront & { readonly port: number },
  to: { readonly app: number; readonly relay: number },
): Promise<string> {
  const own = join(folder, `${way}-${distance}`);
  const origin = new URL(url).origin;
  if (way === "nginx") {
    const names = ["--servers", grid.serversFile, "--origin", origin, "--folder", own];
    await gridfetch("proxy-config", ...names);
  }
  return `
    ${way === "nginx" ? `include ${own}/http.conf;` : ""}
    server {
      listen 127.0.0.1:${port} ssl http2;
      ssl_certificate ${folder}/front.pem;
      ssl_certificate_key ${folder}/front.key;
      ${way === "nginx" ? `include ${own}/locations.conf;` : await relayLocation(to.relay)}
      location / { proxy_pass http://127.0.0.1:${to.app}; }
    }`;
}

function spkiOf(cert: string): string {
  const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}
