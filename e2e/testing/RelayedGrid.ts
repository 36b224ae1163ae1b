import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppServer } from "../../src/node/demo/AppServer.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../../src/node/grid/developmentGrid.ts";
import { Relay } from "../../src/node/relay/Relay.ts";
import { trusting } from "../../src/node/relay/testing/trusting.ts";
import { runGridfetch } from "../../src/node/testing/runGridfetch.ts";
import { type Nurl, parseNurl } from "../../src/servers/parseNurl.ts";
import { PlainRelay } from "./PlainRelay.ts";

const appFolder = fileURLToPath(new URL("../../dist/app", import.meta.url));

/** Servers with TLS that pages reach through a relay alone, a file on them, and the built app. */
export class RelayedGrid {
  readonly grid: DevelopmentGrid;
  readonly app: AppServer;
  /** Of the file. */
  readonly cap: string;
  readonly #folder: string;
  readonly #documents: Record<string, unknown>;
  #relay: Relay | PlainRelay | undefined;
  /** WebSockets that pages have made since the relay was started. */
  #opened = 0;

  private constructor(folder: string, grid: DevelopmentGrid, app: AppServer, cap: string, documents: object) {
    this.#folder = folder;
    this.grid = grid;
    this.app = app;
    this.cap = cap;
    this.#documents = documents as Record<string, unknown>;
  }

  static async start(file: Uint8Array): Promise<RelayedGrid> {
    const folder = await mkdtemp(join(tmpdir(), "gridfetch-e2e-relay-"));
    const grid = await startDevelopmentGrid({ folder, servers: 5, https: true });
    const path = join(folder, "plaintext");
    await writeFile(path, file);
    const put = await runGridfetch(["put", path, "--servers", grid.serversFile]);
    const documents = {};
    const app = await AppServer.start({ folder: appFolder, port: 0, documents });
    const relayed = new RelayedGrid(folder, grid, app, put.stdout.toString().trim(), documents);
    await relayed.startRelay();
    return relayed;
  }

  /** WebSockets that the relay has had since it was started. */
  get opened(): number {
    return this.#relay instanceof PlainRelay ? this.#relay.opened : this.#opened;
  }

  /** Connections to servers through the relay now. */
  get streams(): number {
    return this.#relay instanceof Relay ? this.#relay.streams : 0;
  }

  /**
   * Stops the relay and starts it again at the same place.
   * @param change what the relay and the app believe of the servers' NURLs
   */
  async startRelay(change = (nurl: string) => nurl): Promise<void> {
    await this.#replaceRelay(change, (nurls, port) => {
      this.#opened = 0;
      return Relay.start({
        servers: trusting(new Map(nurls.map(({ tlsId, host, port }) => [tlsId, [{ host, port }]]))),
        origins: [new URL(this.app.url).origin],
        host: "127.0.0.1",
        port,
        log: (event) => {
          if (event === "open") this.#opened++;
        },
      });
    });
  }

  /** The same, with a relay that carries one connection in each WebSocket. @param protocol that it answers, false for none */
  async startPlainRelay(protocol: "binary" | false): Promise<void> {
    await this.#replaceRelay(
      (nurl) => nurl,
      (nurls, port) => PlainRelay.start(port, new Map(nurls.map(({ tlsId, port }) => [tlsId, port])), protocol),
    );
  }

  async #replaceRelay(
    change: (nurl: string) => string,
    start: (nurls: readonly Nurl[], port: number) => Promise<Relay | PlainRelay>,
  ): Promise<void> {
    const port = this.#relay?.port ?? 0;
    await this.#relay?.close();
    const nurls = this.grid.addresses.map(({ nurl }) => parseNurl(change(nurl!)));
    this.#relay = await start(nurls, port);
    const relay = `ws://127.0.0.1:${this.#relay.port}/`;
    this.#documents["/grid.json"] = {
      servers: this.grid.addresses.map(({ id, nickname, nurl }) => ({
        id,
        nickname,
        addresses: [{ nurl: change(nurl!), relay }],
      })),
    };
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.#relay?.close();
    await this.grid.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
