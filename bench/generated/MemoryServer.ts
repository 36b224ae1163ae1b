import type { Server } from "../../src/servers/Server.ts";
import { StaticServerList } from "../../src/servers/StaticServerList.ts";
import type { StorageClient } from "../../src/servers/StorageClient.ts";
import type { GeneratedFile } from "./GeneratedFile.ts";

/** What Chromium hands over of a network body at a time. */
const PIECE = 64 * 1024;

/** A server with one share in this process's memory, which answers at once: what is left of a read is its own work. */
class MemoryServer implements Server, StorageClient {
  readonly id: string;
  readonly name: string;
  readonly permutationSeed: Uint8Array;
  readonly storage: StorageClient = this;
  readonly mutableStorage: StorageClient = this;
  readonly #number: number;
  readonly #bytes: Uint8Array;

  constructor(number: number, bytes: Uint8Array) {
    this.id = `v0-memory${number}`;
    this.name = `memory${number}`;
    this.permutationSeed = Uint8Array.of(number);
    this.#number = number;
    this.#bytes = bytes;
  }

  async listShares(): Promise<number[]> {
    return [this.#number];
  }

  async *readShare(_storageIndex: string, _number: number, offset: number, length: number): AsyncGenerator<Uint8Array> {
    const end = Math.min(offset + length, this.#bytes.length);
    for (let at = offset; at < end; at += PIECE) yield this.#bytes.subarray(at, Math.min(at + PIECE, end));
  }

  async reportCorruption(): Promise<void> {}
}

/** Servers with a share each of one file. */
export function memoryServers(file: GeneratedFile, shareNumbers: readonly number[]): StaticServerList {
  return new StaticServerList(shareNumbers.map((n) => new MemoryServer(n, file.shareBytes(n, 0, file.shareLength))));
}

/** The shares from k on: to read a file from these, every block has to be made by arithmetic. */
export function secondaryShares({ cap: { needed, total } }: GeneratedFile, most = total): number[] {
  return Array.from({ length: Math.min(total - needed, most) }, (_, i) => needed + i);
}
