import { copyFile, cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeBase32 } from "../../formats/base32.ts";
import { runTahoe } from "./runTahoe.ts";
import { TahoeNode } from "./TahoeNode.ts";

const CONNECT_LIMIT_MS = 60_000;

/** How a client stores immutable files. */
export interface TahoeEncoding {
  /** k: shares needed. */
  readonly needed: number;
  /** N: shares made. */
  readonly total: number;
  /** The number of servers that must get a share; 1 unless given. */
  readonly happy?: number;
  /** In bytes; Tahoe-LAFS's own default (1 MiB) unless given. */
  readonly maxSegmentSize?: number;
}

interface TahoeClientSettings {
  readonly folder: string;
  readonly template: string;
  readonly serversFile: string;
  readonly serverCount: number;
  readonly convergence: Uint8Array;
  readonly encoding: TahoeEncoding;
}

/** A Tahoe-LAFS client node of a `TahoeGrid`, and the `tahoe` command talking to it. */
export class TahoeClient {
  /** The client's web gateway: `http://127.0.0.1:<port>/`. */
  readonly gateway: string;
  readonly #bin: string;
  readonly #folder: string;
  readonly #node: TahoeNode;

  private constructor(bin: string, folder: string, node: TahoeNode, gateway: string) {
    this.#bin = bin;
    this.#folder = folder;
    this.#node = node;
    this.gateway = gateway;
  }

  /** Called by `TahoeGrid.startClient`. */
  static async start(bin: string, settings: TahoeClientSettings): Promise<TahoeClient> {
    const { folder, encoding } = settings;
    await cp(settings.template, folder, { recursive: true });
    await copyFile(settings.serversFile, join(folder, "private/servers.yaml"));
    await writeFile(join(folder, "private/convergence"), encodeBase32(settings.convergence));
    const lines = [
      ...["[node]", "nickname = client", "web.port = tcp:0:interface=127.0.0.1", "tub.port = disabled"],
      ...["tub.location = disabled", "[client]", `shares.needed = ${encoding.needed}`],
      ...[`shares.happy = ${encoding.happy ?? 1}`, `shares.total = ${encoding.total}`],
      ...(encoding.maxSegmentSize === undefined
        ? []
        : [`shares._max_immutable_segment_size_for_testing = ${encoding.maxSegmentSize}`]),
      ...["[storage]", "enabled = false", ""],
    ];
    await writeFile(join(folder, "tahoe.cfg"), lines.join("\n"));
    const node = await TahoeNode.start(bin, folder);
    try {
      const gateway = (await readFile(join(folder, "node.url"), "utf8")).trim();
      await untilConnected(gateway, settings.serverCount);
      return new TahoeClient(bin, folder, node, gateway);
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  /** `tahoe put`: stores the bytes as an immutable file and gives its cap. */
  async put(bytes: Uint8Array): Promise<string> {
    return (await runTahoe(this.#bin, ["-d", this.#folder, "put", "-"], bytes)).toString().trim();
  }

  /** `tahoe mkdir` and `tahoe cp --recursive`: stores what is in a folder, and gives the read cap of a directory that holds the folder. */
  async putFolder(path: string): Promise<string> {
    const cap = (await runTahoe(this.#bin, ["-d", this.#folder, "mkdir"])).toString().trim();
    await runTahoe(this.#bin, ["-d", this.#folder, "cp", "--recursive", path, `${cap}/`]);
    const answer = await fetch(new URL(`/uri/${encodeURIComponent(cap)}?t=json`, this.gateway));
    const [, { ro_uri }] = (await answer.json()) as [string, { ro_uri: string }];
    return ro_uri;
  }

  /** Stores the bytes as a mutable file in segments and gives its write cap. */
  async putMutable(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const answer = await fetch(new URL("/uri?format=mdmf", this.gateway), { method: "PUT", body: bytes });
    if (!answer.ok) throw new Error(`the gateway took no mutable file: HTTP ${answer.status}`);
    return (await answer.text()).trim();
  }

  /** `tahoe get`: the file's bytes. */
  async get(cap: string): Promise<Uint8Array> {
    return runTahoe(this.#bin, ["-d", this.#folder, "get", cap, "-"]);
  }

  stop(): Promise<void> {
    return this.#node.stop();
  }
}

/**
 * The gateway's welcome page, as JSON, lists the servers with the state of the connection to each. "connected" is what
 * a connection over HTTP is called; one over Foolscap has a longer text.
 */
async function untilConnected(gateway: string, serverCount: number): Promise<void> {
  const deadline = Date.now() + CONNECT_LIMIT_MS;
  for (;;) {
    const reply = await fetch(new URL("/?t=json", gateway), { signal: AbortSignal.timeout(10_000) });
    const { servers } = (await reply.json()) as { servers: { connection_status: string }[] };
    const connected = servers.filter((server) => server.connection_status === "connected");
    if (connected.length === serverCount) return;
    if (Date.now() > deadline) throw new Error(`the client reached ${connected.length} of ${serverCount} servers`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
