import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { generate } from "selfsigned";
import { GridError } from "../../base/GridError.ts";
import type { GridConfig } from "../../base/gridConfig.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import { writePrivateFile } from "../disk/replaceFile.ts";

/** What a development server is across restarts. */
export interface ServerRecord {
  readonly id: string;
  readonly nickname: string;
  /** The port that it had last; 0 before its first start. */
  port: number;
  readonly swissnum: string;
  /** Made when TLS is first asked for. */
  tls?: TlsIdentity;
}

/** PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/** What a development grid is across restarts: the file `grid-state.json` in its folder. */
export interface GridState {
  controlPort: number;
  readonly servers: ServerRecord[];
}

const LIFETIME_YEARS = 20;

/** The folder of a development grid: `server-<n>/` for each server, and what clients need to know. */
export class GridFolder {
  readonly path: string;
  /** For the command line: a static server list as Tahoe-LAFS has it. */
  readonly serversFile: string;
  /** For the app: what it fetches as `/grid.json`. */
  readonly configFile: string;
  readonly #stateFile: string;

  constructor(path: string) {
    this.path = path;
    this.serversFile = join(path, "servers.json");
    this.configFile = join(path, "grid.json");
    this.#stateFile = join(path, "grid-state.json");
  }

  serverFolder(index: number): string {
    return join(this.path, `server-${index}`);
  }

  /**
   * The grid as it was, with servers added so that there are at least `count`. The folder is made if it is not there.
   * @throws GridError BAD_CONFIG if the state cannot be understood
   */
  async readState(count: number): Promise<GridState> {
    await mkdir(this.path, { recursive: true });
    const state = await this.#load();
    while (state.servers.length < count) state.servers.push(newServer(state.servers.length));
    return state;
  }

  async #load(): Promise<GridState> {
    const text = await readFile(this.#stateFile, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return { controlPort: 0, servers: [] };
    try {
      const state: GridState = JSON.parse(text);
      if (Array.isArray(state.servers)) return state;
    } catch {
      // Told below.
    }
    const reason = `${this.#stateFile} is not what a development grid wrote`;
    throw new GridError(
      "BAD_CONFIG",
      { reason },
      `The grid cannot be started: ${reason}. Delete it, or take another folder.`,
    );
  }

  async writeState(state: GridState): Promise<void> {
    await writePrivate(this.#stateFile, state);
  }

  /** Tells clients where the servers are. */
  async writeAddresses(servers: readonly ServerAddress[]): Promise<void> {
    const announcements = servers.map(({ id, nickname, url, nurl }) => {
      const address = nurl === undefined ? { "gridfetch-url": url } : { "anonymous-storage-NURLs": [nurl] };
      return [id, { ann: { nickname, ...address } }] as const;
    });
    await writePrivate(this.serversFile, { storage: Object.fromEntries(announcements) });
    const config: GridConfig = {
      servers: servers.map(({ id, nickname, url, nurl }) => ({
        id,
        nickname,
        addresses: [nurl === undefined ? { url } : { nurl }],
      })),
    };
    await writePrivate(this.configFile, config);
  }
}

/** How to reach a server. */
export interface ServerAddress {
  readonly id: string;
  readonly nickname: string;
  readonly url: string;
  /** Where the server has TLS. */
  readonly nurl?: string;
}

/** A key of its own, in a self-signed certificate. */
export async function newTlsIdentity(): Promise<TlsIdentity> {
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + LIFETIME_YEARS);
  const { private: key, cert } = await generate([{ name: "commonName", value: "gridfetch development grid" }], {
    keyType: "ec",
    algorithm: "sha256",
    notAfterDate,
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  return { key, cert };
}

function newServer(index: number): ServerRecord {
  return {
    id: `v0-${encodeBase32(randomBytes(32))}`,
    nickname: `server-${index}`,
    port: 0,
    swissnum: encodeBase32(randomBytes(16)),
  };
}

/** These files have swissnums and keys in them. */
async function writePrivate(file: string, document: unknown): Promise<void> {
  await writePrivateFile(file, `${JSON.stringify(document, undefined, 2)}\n`);
}
