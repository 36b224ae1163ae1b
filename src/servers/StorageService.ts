import { GridError } from "../base/GridError.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";
import { discardBody, mediaType, readBounded } from "./httpBody.ts";
import { decodeMessage } from "./storageMessages.ts";

/** A message of the storage protocol is a set of up to 256 share numbers or a little more: this is generous. */
const MESSAGE_LIMIT = 64 * 1024;

const MESSAGE_TYPE = "application/cbor";
export const SHARE_TYPE = "application/octet-stream";

/** A request without what every request to a storage server has. */
export type StorageRequest = Omit<HttpRequest, "headers"> & { readonly headers?: HttpRequest["headers"] };

/**
 * The storage protocol's envelope for one server: authorization out, checked replies in. What the requests mean is the
 * business of those who send them: the reader's StorageClient, an uploader.
 */
export class StorageService {
  readonly #transport: HttpTransport;
  readonly #name: string;
  readonly #authorization: string | undefined;

  /**
   * @param name of the server, for errors
   * @param swissnum the secret that lets a client in; none for servers that need none (a development grid, a proxy that
   *   adds it)
   */
  constructor(transport: HttpTransport, name: string, swissnum?: string) {
    this.#transport = transport;
    this.#name = name;
    this.#authorization = swissnum === undefined ? undefined : `Tahoe-LAFS ${btoa(swissnum)}`;
  }

  /** The reply to a request, whatever its status: its body must be read or discarded. */
  send(request: StorageRequest): Promise<HttpReply> {
    const authorization = this.#authorization === undefined ? {} : { Authorization: this.#authorization };
    return this.#transport.request({ ...request, headers: { ...request.headers, ...authorization } });
  }

  /** Sends a request whose answer is a message. */
  sendForMessage(request: StorageRequest): Promise<HttpReply> {
    const typed = request.body === undefined ? {} : { "Content-Type": MESSAGE_TYPE };
    // Without this the platform sends Accept: */*, to which real servers answer 406.
    return this.send({ ...request, headers: { ...request.headers, ...typed, Accept: MESSAGE_TYPE } });
  }

  /**
   * The message in a reply's body.
   * @throws GridError SERVER_REFUSED for another type, for more than 64 KiB, and for what is not CBOR as the protocol has it
   */
  async readMessage(reply: HttpReply): Promise<unknown> {
    const type = mediaType(reply);
    if (type !== MESSAGE_TYPE) return this.refuse(reply, `sent ${type} where ${MESSAGE_TYPE} was expected`);
    const bytes = await readBounded(reply, MESSAGE_LIMIT);
    if (bytes === undefined) throw this.refusal(reply.status, `sent a message of more than ${MESSAGE_LIMIT} bytes`);
    try {
      return decodeMessage(bytes);
    } catch {
      throw this.refusal(reply.status, "sent a message that is not valid CBOR");
    }
  }

  /**
   * Discards the body and throws the refusal.
   * @param reason continues "Server <name> …"
   * @throws GridError SERVER_REFUSED
   */
  async refuse(reply: HttpReply, reason = `answered HTTP ${reply.status}${hint(reply.status)}`): Promise<never> {
    await discardBody(reply);
    throw this.refusal(reply.status, reason);
  }

  /** @param reason continues "Server <name> …" */
  refusal(status: number, reason: string): GridError<"SERVER_REFUSED"> {
    return new GridError("SERVER_REFUSED", { server: this.#name, status, reason }, `Server ${this.#name} ${reason}.`);
  }
}

/** Servers keep the shares of immutable and of mutable files apart. */
export type ShareKind = "immutable" | "mutable";

/** Where the share numbers of a file are asked for, and where its shares are allotted. */
export function sharesPath(storageIndex: string, kind: ShareKind = "immutable"): string {
  return `/storage/v1/${kind}/${storageIndex}`;
}

function hint(status: number): string {
  if (status === 401) return " (the swissnum is missing or wrong)";
  if (status === 404) return " (it does not have that share)";
  return "";
}
