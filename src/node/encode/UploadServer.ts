import { randomBytes } from "node:crypto";
import { systemClock } from "../../base/Clock.ts";
import { GridError } from "../../base/GridError.ts";
import { withDeadline } from "../../base/wait.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { discardBody } from "../../servers/httpBody.ts";
import type { Server } from "../../servers/Server.ts";
import { SHARE_TYPE, StorageService, sharesPath } from "../../servers/StorageService.ts";
import { encodeMessage, readShareSet, shareSet } from "../../servers/storageMessages.ts";

const MESSAGE_DEADLINE = 20_000;
const WRITE_DEADLINE = 60_000;
const ABORT_DEADLINE = 3_000;
const SECRET_LENGTH = 32;

/** The uploader's part of the storage protocol, for one server. Every wait has a limit. */
export class UploadServer {
  /** The same server as readers see it. */
  readonly server: Server;
  readonly #service: StorageService;

  /** @param swissnum where the server wants one */
  constructor(server: Server, transport: HttpTransport, swissnum?: string) {
    this.server = server;
    this.#service = new StorageService(transport, server.name, swissnum);
  }

  /** The share numbers that the server holds. */
  listShares(storageIndex: string, signal: AbortSignal): Promise<number[]> {
    return this.#within(MESSAGE_DEADLINE, signal, (limited) => this.server.storage.listShares(storageIndex, limited));
  }

  /**
   * Asks for room for shares of `size` bytes.
   *
   * @param uploadSecret 32 bytes, base64; of this upload to this server alone
   * @returns the numbers that it holds already, and those that may now be written
   */
  allocate(
    storageIndex: string,
    shareNumbers: readonly number[],
    size: number,
    uploadSecret: string,
    signal: AbortSignal,
  ): Promise<{ alreadyHave: number[]; allocated: number[] }> {
    const body = encodeMessage({ "share-numbers": shareSet(shareNumbers), "allocated-size": size });
    // Whoever has a lease's secrets may renew it; nobody will, so nobody needs to know them.
    const secrets = [
      `lease-renew-secret ${newSecret()}`,
      `lease-cancel-secret ${newSecret()}`,
      `upload-secret ${uploadSecret}`,
    ];
    return this.#within(MESSAGE_DEADLINE, signal, async (limited) => {
      const headers = { "X-Tahoe-Authorization": secrets };
      const path = sharesPath(storageIndex);
      const reply = await this.#service.sendForMessage({ method: "POST", path, headers, body, signal: limited });
      if (reply.status !== 200 && reply.status !== 201) return this.#service.refuse(reply);
      const message = await this.#service.readMessage(reply);
      const field = (name: string) => (message instanceof Map ? readShareSet(message.get(name)) : undefined);
      const [alreadyHave, allocated] = [field("already-have"), field("allocated")];
      if (alreadyHave === undefined || allocated === undefined) {
        throw this.#service.refusal(reply.status, "sent an allocation that is not two sets of share numbers");
      }
      return { alreadyHave, allocated };
    });
  }

  /** Writes bytes of a share. True if they were the last that it lacked. */
  write(
    storageIndex: string,
    shareNumber: number,
    offset: number,
    body: Uint8Array<ArrayBuffer>,
    uploadSecret: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const headers = {
      "X-Tahoe-Authorization": `upload-secret ${uploadSecret}`,
      "Content-Type": SHARE_TYPE,
      "Content-Range": `bytes ${offset}-${offset + body.length - 1}/*`,
      Accept: "application/cbor",
    };
    const path = `${sharesPath(storageIndex)}/${shareNumber}`;
    return this.#within(WRITE_DEADLINE, signal, async (limited) => {
      const reply = await this.#service.send({ method: "PATCH", path, headers, body, signal: limited });
      if (reply.status !== 200 && reply.status !== 201) return this.#service.refuse(reply);
      // Read and not discarded, so that the connection can be used again.
      await this.#service.readMessage(reply);
      return reply.status === 201;
    });
  }

  /** Tells the server to forget a share that will not be finished. Nothing can be done if that fails. */
  async abort(storageIndex: string, shareNumber: number, uploadSecret: string): Promise<void> {
    const headers = { "X-Tahoe-Authorization": `upload-secret ${uploadSecret}` };
    const path = `${sharesPath(storageIndex)}/${shareNumber}/abort`;
    const uncancelled = new AbortController().signal;
    await this.#within(ABORT_DEADLINE, uncancelled, async (signal) => {
      await discardBody(await this.#service.sendForMessage({ method: "PUT", path, headers, signal }));
    }).catch(() => undefined);
  }

  #within<T>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const server = this.server.name;
    const reason = `no answer within ${ms / 1000} s`;
    const late = () => new GridError("SERVER_UNREACHABLE", { server, reason }, `Server ${server} gave ${reason}.`);
    return withDeadline(ms, systemClock, late, signal, work);
  }
}

/** A secret of the storage protocol, as it stands in a header. */
export function newSecret(): string {
  return randomBytes(SECRET_LENGTH).toString("base64");
}
