import { GridError } from "../base/GridError.ts";
import { checkRange } from "../base/range.ts";
import type { HttpReply, HttpTransport } from "./HttpTransport.ts";
import { discardBody, mediaType } from "./httpBody.ts";
import type { StorageClient } from "./StorageClient.ts";
import { SHARE_TYPE, type ShareKind, StorageService, sharesPath } from "./StorageService.ts";
import { encodeMessage, readShareSet } from "./storageMessages.ts";

const LARGEST_SHARE_NUMBER = 255;
const LONGEST_REASON = 32765;

/** The reader's part of the storage protocol ("Great Black Swamp") over HTTP. */
export class HttpStorageClient implements StorageClient {
  readonly #service: StorageService;
  readonly #kind: ShareKind;
  #isCached = false;

  /**
   * @param name and swissnum as for StorageService
   * @param kind whose shares it reads
   */
  constructor(transport: HttpTransport, name: string, swissnum?: string, kind: ShareKind = "immutable") {
    this.#service = new StorageService(transport, name, swissnum);
    this.#kind = kind;
  }

  get isCached(): boolean {
    return this.#isCached;
  }

  async listShares(storageIndex: string, signal: AbortSignal): Promise<number[]> {
    const path = `${sharesPath(storageIndex, this.#kind)}/shares`;
    const reply = await this.#service.sendForMessage({ method: "GET", path, signal });
    if (reply.status !== 200) return this.#service.refuse(reply);
    this.#noteCache(reply);
    const numbers = readShareSet(await this.#service.readMessage(reply));
    if (numbers === undefined) throw this.#service.refusal(200, "sent a list of shares that is not a set of numbers");
    return [...new Set(numbers)].filter((number) => number <= LARGEST_SHARE_NUMBER).sort((a, b) => a - b);
  }

  async *readShare(
    storageIndex: string,
    shareNumber: number,
    offset: number,
    length: number,
    signal: AbortSignal,
    onHit?: () => void,
  ): AsyncGenerator<Uint8Array, void, void> {
    checkRange(offset, length);
    // HTTP has no range of zero bytes.
    if (length === 0) return;
    const last = offset + length - 1;
    const path = `${sharesPath(storageIndex, this.#kind)}/${shareNumber}`;
    const headers = { Accept: SHARE_TYPE, Range: `bytes=${offset}-${last}` };
    const reply = await this.#service.send({ method: "GET", path, headers, signal });
    const promised = await this.#promisedLength(reply, offset, last);
    if (isHit(reply)) onHit?.();
    let received = 0;
    for await (const piece of reply.body) {
      received += piece.length;
      if (received > promised)
        throw this.#service.refusal(reply.status, `sent more than the ${promised} bytes that it announced`);
      yield piece;
    }
    if (received < promised)
      throw this.#service.refusal(reply.status, `sent ${received} of the ${promised} bytes that it announced`);
  }

  /** A cache says so whatever it did with the request (RFC 9211). */
  #noteCache(reply: HttpReply): void {
    this.#isCached = reply.header("cache-status") !== undefined;
  }

  /** How many bytes the body must have, by the reply's head. */
  async #promisedLength(reply: HttpReply, offset: number, last: number): Promise<number> {
    // The share ends at or before the offset.
    if (reply.status === 204) return 0;
    // A 200 would be the whole share, however long.
    if (reply.status !== 206) return this.#service.refuse(reply);
    const type = mediaType(reply);
    if (type !== SHARE_TYPE) return this.#service.refuse(reply, `sent ${type} where ${SHARE_TYPE} was expected`);
    const range = reply.header("content-range");
    this.#noteCache(reply);
    if (range === undefined) {
      // A page's fetch does not see headers that the server does not expose.
      const reason = "sent a part of a share without a Content-Range that can be read (with CORS, it must be exposed)";
      return this.#service.refuse(reply, reason);
    }
    const [first, end] = /^bytes (\d{1,16})-(\d{1,16})\/(?:\*|\d{1,16})$/.exec(range)?.slice(1).map(Number) ?? [];
    if (first !== offset || end === undefined || end < offset || end > last) {
      return this.#service.refuse(reply, `sent another range of a share than the asked-for bytes ${offset}-${last}`);
    }
    return end - offset + 1;
  }

  async reportCorruption(
    storageIndex: string,
    shareNumber: number,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    if (reason.length < 1 || reason.length > LONGEST_REASON) {
      const defect = `a corruption report of ${reason.length} characters`;
      throw new GridError("INTERNAL", { reason: defect }, `A defect in gridfetch: ${defect} was to be sent.`);
    }
    const path = `${sharesPath(storageIndex, this.#kind)}/${shareNumber}/corrupt`;
    const body = encodeMessage({ reason });
    const reply = await this.#service.sendForMessage({ method: "POST", path, body, signal });
    // 404: the server dropped that share meanwhile, which is as well.
    if (reply.status !== 200 && reply.status !== 404) return this.#service.refuse(reply);
    await discardBody(reply);
  }
}

/** Did a cache answer by itself (RFC 9211, 2.1)? */
function isHit(reply: HttpReply): boolean {
  return /;\s*hit\s*(?:[;,]|$)/.test(reply.header("cache-status") ?? "");
}
