import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { runTahoe } from "./runTahoe.ts";
import { TahoeClient, type TahoeEncoding } from "./TahoeClient.ts";
import { TahoeNode } from "./TahoeNode.ts";

/**
 * Where the `tahoe` command of Tahoe-LAFS 1.20 is: the folder that the environment variable GRIDFETCH_TAHOE names (the
 * test command makes it), undefined without one.
 */
export const tahoeBin = process.env.GRIDFETCH_TAHOE || undefined;

/** A storage server of a `TahoeGrid`. */
export interface TahoeServer {
  /** As the server list has it: `v0-…`. */
  readonly id: string;
  readonly nickname: string;
  /** As announced, in base32. */
  readonly permutationSeed: string;
  /** `pb://<SPKI hash>@127.0.0.1:<port>/<swissnum>#v=1` */
  readonly nurl: string;
  /** Holds the share files, as `shares/<2 characters>/<storage index>/<share number>`, each in its container. */
  readonly storageFolder: string;
  /** Takes this server off the grid. */
  stop(): Promise<void>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
  /** Has it back, at the same address and with its shares; does nothing while it runs. */
  start(): Promise<void>;
}

/**
 * A grid of unmodified Tahoe-LAFS storage servers on loopback ports, with no introducer: a static server list names
 * them all. For tests alone.
 */
export class TahoeGrid {
  readonly servers: readonly TahoeServer[];
  /** Path of the server list: YAML, as Tahoe-LAFS clients have it in `private/servers.yaml`. */
  readonly serversFile: string;
  /** Every client's convergence secret: 32 bytes. */
  readonly convergence: Uint8Array;
  readonly #bin: string;
  readonly #folder: string;
  readonly #clients: TahoeClient[] = [];
  #clientCount = 0;

  private constructor(bin: string, folder: string, servers: readonly TahoeServer[], convergence: Uint8Array) {
    this.#bin = bin;
    this.#folder = folder;
    this.servers = servers;
    this.serversFile = join(folder, "servers.yaml");
    this.convergence = convergence;
  }

  /**
   * Starts `count` storage servers; some seconds each.
   * @param bin the folder that holds the `tahoe` command
   * @param convergence the clients' convergence secret, 32 bytes; a random one unless given
   */
  static async start(bin: string, count: number, convergence: Uint8Array = randomBytes(32)): Promise<TahoeGrid> {
    const folder = await mkdtemp(join(tmpdir(), "gridfetch-tahoe-"));
    const servers: StartedServer[] = [];
    try {
      await runTahoe(bin, ["create-node", "--listen=none", "--webport=none", join(folder, "template")]);
      const ports = await freePorts(count);
      // Two at a time: a starting node keeps a core busy.
      for (let first = 0; first < count; first += 2) {
        const pair = ports
          .slice(first, first + 2)
          .map((port, i) => startServer(bin, folder, `server-${first + i}`, port));
        const outcomes = await Promise.allSettled(pair);
        for (const outcome of outcomes) if (outcome.status === "fulfilled") servers.push(outcome.value);
        for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      }
      const grid = new TahoeGrid(bin, folder, servers, convergence);
      const storage = Object.fromEntries(servers.map((server) => [server.id, { ann: announcement(server) }]));
      await writeFile(grid.serversFile, stringify({ storage }));
      return grid;
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts a client that stores files in this way, and waits until it is connected to every server. */
  async startClient(encoding: TahoeEncoding): Promise<TahoeClient> {
    const client = await TahoeClient.start(this.#bin, {
      folder: join(this.#folder, `client-${this.#clientCount++}`),
      template: join(this.#folder, "template"),
      serversFile: this.serversFile,
      serverCount: this.servers.length,
      convergence: this.convergence,
      encoding,
    });
    this.#clients.push(client);
    return client;
  }

  /** Ends every process of the grid and removes its files. */
  async stop(): Promise<void> {
    await Promise.all([...this.#clients, ...this.servers].map((node) => node.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface StartedServer extends TahoeServer {
  readonly furl: string;
}

function announcement(server: StartedServer): Record<string, unknown> {
  return {
    nickname: server.nickname,
    "anonymous-storage-FURL": server.furl,
    "anonymous-storage-NURLs": [server.nurl],
    "permutation-seed-base32": server.permutationSeed,
  };
}

async function startServer(bin: string, grid: string, nickname: string, port: number): Promise<StartedServer> {
  const folder = join(grid, nickname);
  // What `tahoe create-node` makes holds no identity yet (the first run makes that), and a copy is quicker than a
  // second call.
  await cp(join(grid, "template"), folder, { recursive: true });
  const settings = [
    ...["[node]", `nickname = ${nickname}`, "web.port ="],
    ...[`tub.port = tcp:${port}:interface=127.0.0.1`, `tub.location = tcp:127.0.0.1:${port}`],
    ...["[client]", "[storage]", "enabled = true", "reserved_space = 0", ""],
  ];
  await writeFile(join(folder, "tahoe.cfg"), settings.join("\n"));
  let node = await TahoeNode.start(bin, folder);
  const line = async (file: string) => (await readFile(join(folder, file), "utf8")).trim();
  const furl = await line("private/storage.furl");
  // node.pem holds the private key too; only its certificate is looked at. The NURL shares the FURL's swissnum.
  const spki = new X509Certificate(await readFile(join(folder, "private/node.pem"))).publicKey.export({
    type: "spki",
    format: "der",
  });
  const tlsId = createHash("sha256").update(spki).digest("base64url");
  const nurl = `pb://${tlsId}@127.0.0.1:${port}/${furl.slice(furl.lastIndexOf("/") + 1)}#v=1`;
  return {
    id: (await line("node.pubkey")).replace(/^pub-/, ""),
    nickname,
    permutationSeed: await line("permutation-seed"),
    nurl,
    furl,
    storageFolder: join(folder, "storage"),
    stop: () => node.stop(),
    kill: () => node.kill(),
    async start() {
      if (!node.isRunning) node = await TahoeNode.start(bin, folder);
    },
  };
}

/**
 * Ports that nobody listens on now, below the range from which systems take the ports of outgoing connections, so that
 * none of those can be in the way when a node listens a moment later.
 */
async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 1000) throw new Error("no free ports on 127.0.0.1 between 20000 and 32000");
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) found.add(port);
  }
  return [...found];
}
