import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AppServer } from "../../src/node/demo/AppServer.ts";
import { newTlsIdentity } from "../../src/node/grid/GridFolder.ts";
import { NginxServer } from "../../src/node/proxy/testing/NginxServer.ts";
import { freePort } from "../../src/node/testing/freePort.ts";
import { TahoeGrid, type TahoeServer } from "../../src/node/testing/TahoeGrid.ts";
import { parseNurl } from "../../src/servers/parseNurl.ts";
import { RELAY_CODES, SOCKET_CODES } from "../../src/servers/relayCodes.ts";
import { placeClientApp } from "./clientApp.ts";
import { relayLocation } from "./relayLocation.ts";

const gridfetch = fileURLToPath(new URL("../../dist/node/gridfetch.js", import.meta.url));

/** The codes of connections that the server's side ended. */
const BY_SERVER: readonly number[] = [SOCKET_CODES.SERVER_ENDED, RELAY_CODES.SERVER_BROKE_OFF];

/** What the relay says when it closes a connection. */
interface RelayedClose {
  readonly event: string;
  readonly server: string;
  readonly code: number;
  readonly fromServer: number;
}

/**
 * Five servers of an unmodified Tahoe-LAFS with files on them, as `tahoe put` stores them, and both ways for pages to them: the
 * built `gridfetch relay`, and nginx under what `gridfetch proxy-config` made. The app is there twice: by itself over HTTP,
 * and behind that nginx, which speaks HTTP/2 and has a certificate that nobody signed.
 */
export class RealGrid {
  readonly grid: TahoeGrid;
  /** Of the files that it was started with, in their order; the mutable one is a write cap. */
  readonly caps: readonly string[];
  readonly app: AppServer;
  /** The app's other address. */
  readonly secureUrl: string;
  /** The proxy's own origin. */
  readonly proxyUrl: string;
  readonly relayPort: number;
  readonly #folder: string;
  readonly #documents: Record<string, unknown>;
  readonly #nginx: NginxServer;
  #relay: ChildProcess | undefined;
  #closes: RelayedClose[] = [];
  /** How often nginx had missed each server when they last all ran. */
  #misses = new Map<TahoeServer, number>();

  private constructor(parts: Parts) {
    this.grid = parts.grid;
    this.caps = parts.caps;
    this.app = parts.app;
    this.secureUrl = parts.secureUrl;
    this.proxyUrl = parts.proxyUrl;
    this.relayPort = parts.relayPort;
    this.#folder = parts.folder;
    this.#documents = parts.documents;
    this.#nginx = parts.nginx;
  }

  /**
   * @param bin where the `tahoe` command is
   * @param mutable goes onto the grid as a mutable file, the last of `caps`
   * @param addPage puts more into the app's folder
   */
  static async start(
    bin: string,
    files: readonly Uint8Array[],
    mutable: Uint8Array<ArrayBuffer>,
    addPage?: (folder: string) => Promise<void>,
  ): Promise<RealGrid> {
    const folder = await mkdtemp(join(tmpdir(), "gridfetch-e2e-real-"));
    const grid = await TahoeGrid.start(bin, 5);
    const client = await grid.startClient({ needed: 3, total: 10, maxSegmentSize: 128 * 1024 });
    const caps: string[] = [];
    for (const file of files) caps.push(await client.put(file));
    caps.push(await client.putMutable(mutable));
    await client.stop();
    await placeClientApp(join(folder, "app"));
    await addPage?.(join(folder, "app"));
    const documents = {};
    const app = await AppServer.start({ folder: join(folder, "app"), port: 0, documents });
    const [securePort, proxyPort, relayPort] = [await freePort(), await freePort(), await freePort()];
    const secureUrl = `https://127.0.0.1:${securePort}/`;
    const proxyUrl = `https://127.0.0.1:${proxyPort}/`;
    const nginx = await startNginx({ folder, grid, app, securePort, proxyUrl, relayPort });
    return new RealGrid({ grid, caps, app, secureUrl, proxyUrl, relayPort, folder, documents, nginx });
  }

  /** Stores a folder, as `TahoeClient.putFolder` does. */
  async putFolder(path: string): Promise<string> {
    const client = await this.grid.startClient({ needed: 3, total: 10, maxSegmentSize: 128 * 1024 });
    try {
      return await client.putFolder(path);
    } finally {
      await client.stop();
    }
  }

  /** Serves as `grid.json` what `gridfetch grid-config` makes of the server list with these options. */
  async configure(...options: string[]): Promise<void> {
    const { stdout } = await run(["grid-config", "--servers", this.grid.serversFile, ...options]);
    this.#documents["/grid.json"] = JSON.parse(stdout);
  }

  /** Has every server run, whatever became of it before. */
  async revive(): Promise<void> {
    for (const server of this.grid.servers) await server.start();
    this.#closes = [];
    for (const server of this.grid.servers) this.#misses.set(server, await this.#missesOf(server));
  }

  /** Starts it, always at the same port; does nothing while it runs. */
  async startRelay(): Promise<void> {
    if (this.#relay) return;
    const origins = [this.app.url, this.secureUrl].flatMap((url) => ["--origin", new URL(url).origin]);
    const args = [
      "relay",
      "--servers",
      this.grid.serversFile,
      "--port",
      `${this.relayPort}`,
      "--allow-private",
      ...origins,
    ];
    this.#relay = spawn(process.execPath, [gridfetch, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: this.#relay.stdout! });
    const listening = new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => {
        const told = JSON.parse(line) as RelayedClose;
        if (told.event === "listening") resolve();
        if (told.event === "stream close") this.#closes.push(told);
      });
      lines.once("close", () => reject(new Error("the relay did not start")));
    });
    await listening;
  }

  /** Ends the relay in the middle of whatever it does. */
  async killRelay(): Promise<void> {
    const relay = this.#relay;
    this.#relay = undefined;
    if (!relay) return;
    const gone = once(relay, "exit");
    relay.kill("SIGKILL");
    await gone;
  }

  /** Of a server that was killed: did it break off what a browser was reading, or was it missed afterwards? */
  async wasInUse(server: TahoeServer): Promise<boolean> {
    const { tlsId } = parseNurl(server.nurl);
    const hasBrokenOff = this.#closes.some(
      (close) => close.server === tlsId && BY_SERVER.includes(close.code) && close.fromServer > 256 * 1024,
    );
    return hasBrokenOff || (await this.#missesOf(server)) > (this.#misses.get(server) ?? 0);
  }

  /** nginx logs a line for each request that a server has not answered to its end. */
  async #missesOf({ nurl }: TahoeServer): Promise<number> {
    return (await this.#nginx.logs()).split(`upstream: "https://127.0.0.1:${parseNurl(nurl).port}/`).length - 1;
  }

  async close(): Promise<void> {
    await this.killRelay();
    await this.#nginx.stop();
    await this.app.close();
    await this.grid.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Parts {
  readonly grid: TahoeGrid;
  readonly caps: readonly string[];
  readonly app: AppServer;
  readonly secureUrl: string;
  readonly proxyUrl: string;
  readonly relayPort: number;
  readonly folder: string;
  readonly documents: Record<string, unknown>;
  readonly nginx: NginxServer;
}

interface NginxPlan {
  readonly folder: string;
  readonly grid: TahoeGrid;
  readonly app: AppServer;
  readonly securePort: number;
  readonly proxyUrl: string;
  readonly relayPort: number;
}

/** As docs/operators.md has it: the app, the relay and the proxy on one origin, and the proxy on another one besides. */
async function startNginx({ folder, grid, app, securePort, proxyUrl, relayPort }: NginxPlan): Promise<NginxServer> {
  const identity = await newTlsIdentity();
  const [certificate, key] = [join(folder, "front.pem"), join(folder, "front.key")];
  await writeFile(certificate, identity.cert);
  await writeFile(key, identity.key);
  const [same, cross] = [join(folder, "same"), join(folder, "cross")];
  const origins = [`https://127.0.0.1:${securePort}`, new URL(app.url).origin].flatMap((origin) => [
    "--origin",
    origin,
  ]);
  const proxyConfig = ["proxy-config", "--servers", grid.serversFile, ...origins];
  await run([...proxyConfig, "--folder", same]);
  await run([
    ...[...proxyConfig, "--folder", cross, "--url", proxyUrl],
    ...["--tls-certificate", certificate, "--tls-key", key],
  ]);
  const http = `
    include ${same}/http.conf;
    include ${cross}/http.conf;
    server {
      listen 127.0.0.1:${securePort} ssl http2;
      ssl_certificate ${certificate};
      ssl_certificate_key ${key};
      include ${same}/locations.conf;
      ${await relayLocation(relayPort)}
      location / { proxy_pass ${app.url}; }
    }`;
  return NginxServer.start(join(folder, "nginx"), http, securePort);
}

/** The built program. */
function run(args: readonly string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, [gridfetch, ...args]);
}
