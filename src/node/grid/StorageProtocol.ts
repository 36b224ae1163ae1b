import type { IncomingMessage, ServerResponse } from "node:http";
import type { Encodable } from "../../servers/cbor.ts";
import { decodeMessage, encodeMessage, readShareSet, shareSet } from "../../servers/storageMessages.ts";
import type { Pacer } from "./Pacer.ts";
import { isStorageIndex, parseClosedRange, parseContentRange, Refusal, readBody, readSecrets } from "./requestParts.ts";
import type { ShareFolder, WriteOutcome } from "./ShareFolder.ts";
import { sendShare } from "./sendShare.ts";

const MESSAGE_LIMIT = 64 * 1024;
const REPORT_LIMIT = 32 * 1024;
const WRITE_LIMIT = 64 * 1024 * 1024;
const LARGEST_SHARE = 2 ** 45;

/** What a server wants to know about its own answers. */
export interface ProtocolEvents {
  sent(bytes: number): void;
  corruptionReported(storageIndex: string, shareNumber: number, reason: string): void;
}

/** One request, and what answers it. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

/** The storage protocol for immutable files, over one server's shares: what a reader and an uploader need of it. */
export class StorageProtocol {
  readonly #shares: ShareFolder;
  readonly #pacer: Pacer;
  readonly #events: ProtocolEvents;

  constructor(shares: ShareFolder, pacer: Pacer, events: ProtocolEvents) {
    this.#shares = shares;
    this.#pacer = pacer;
    this.#events = events;
  }

  /**
   * Answers a request.
   *
   * @param signal is aborted when the client leaves
   * @throws Refusal for everything that the protocol does not allow
   */
  async answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const exchange = { request, response, signal };
    const path = request.url?.split("?")[0] ?? "/";
    if (path === "/storage/v1/version") return this.#route(exchange, { GET: () => this.#version(exchange) });
    const [, storageIndex = "", share, action] =
      /^\/storage\/v1\/immutable\/([^/]+)(?:\/(shares|\d{1,3})(?:\/(corrupt|abort))?)?$/.exec(path) ?? [];
    const shareNumber = Number(share);
    if (!isStorageIndex(storageIndex) || (share === "shares" && action !== undefined) || shareNumber > 255) {
      throw new Refusal(404, "there is nothing here");
    }
    if (share === undefined) return this.#route(exchange, { POST: () => this.#allocate(exchange, storageIndex) });
    if (share === "shares") return this.#route(exchange, { GET: () => this.#list(exchange, storageIndex) });
    if (action === "corrupt")
      return this.#route(exchange, { POST: () => this.#report(exchange, storageIndex, shareNumber) });
    if (action === "abort")
      return this.#route(exchange, { PUT: () => this.#abort(exchange, storageIndex, shareNumber) });
    return this.#route(exchange, {
      GET: () => this.#read(exchange, storageIndex, shareNumber),
      PATCH: () => this.#write(exchange, storageIndex, shareNumber),
    });
  }

  async #route({ request }: Exchange, methods: Record<string, () => Promise<void>>): Promise<void> {
    const answer = methods[request.method ?? ""];
    if (answer === undefined) throw new Refusal(405, `only ${Object.keys(methods).join(" and ")} can be done here`);
    await answer();
  }

  async #version(exchange: Exchange): Promise<void> {
    wantMessage(exchange);
    const space = LARGEST_SHARE;
    const limits = { "maximum-immutable-share-size": space, "maximum-mutable-share-size": 0, "available-space": space };
    // The protocol has byte strings for keys here.
    const entries = Object.entries(limits).map(([key, value]) => [Buffer.from(key), value] as const);
    sendMessage(
      exchange,
      200,
      new Map<Uint8Array, Encodable>([
        [Buffer.from("application-version"), Buffer.from("gridfetch development grid")],
        [Buffer.from("http://allmydata.org/tahoe/protocols/storage/v1"), new Map(entries)],
      ]),
    );
  }

  async #list(exchange: Exchange, storageIndex: string): Promise<void> {
    wantMessage(exchange);
    sendMessage(exchange, 200, shareSet(await this.#shares.list(storageIndex)));
  }

  async #read({ request, response, signal }: Exchange, storageIndex: string, shareNumber: number): Promise<void> {
    const share = await this.#shares.openShare(storageIndex, shareNumber);
    if (share === undefined) throw new Refusal(404, "there is no such share");
    try {
      const { size } = await share.stat();
      const { range } = request.headers;
      const part = range === undefined ? { offset: 0, length: size } : parseClosedRange(range, size);
      if (part === undefined) {
        response.writeHead(204).end();
        return;
      }
      response.statusCode = range === undefined ? 200 : 206;
      response.setHeader("Content-Type", "application/octet-stream");
      const last = part.offset + part.length - 1;
      if (range !== undefined) response.setHeader("Content-Range", `bytes ${part.offset}-${last}/*`);
      response.flushHeaders();
      await sendShare(response, share, part, this.#pacer, (bytes) => this.#events.sent(bytes), signal);
      response.end();
    } finally {
      await share.close();
    }
  }

  async #report(exchange: Exchange, storageIndex: string, shareNumber: number): Promise<void> {
    const reason = (await readMessage(exchange, REPORT_LIMIT)).get("reason");
    if (typeof reason !== "string" || reason === "") throw new Refusal(400, "the report has no reason");
    const held = await this.#shares.list(storageIndex);
    if (!held.includes(shareNumber)) throw new Refusal(404, "there is no such share");
    this.#events.corruptionReported(storageIndex, shareNumber, reason);
    exchange.response.writeHead(200).end();
  }

  async #allocate(exchange: Exchange, storageIndex: string): Promise<void> {
    wantMessage(exchange);
    const kinds = ["lease-renew-secret", "lease-cancel-secret", "upload-secret"];
    const secret = readSecrets(exchange.request, kinds).get("upload-secret")!;
    const message = await readMessage(exchange, MESSAGE_LIMIT);
    const numbers = readShareSet(message.get("share-numbers"));
    const size = message.get("allocated-size");
    if (numbers === undefined || numbers.some((number) => number > 255) || !Number.isSafeInteger(size)) {
      throw new Refusal(400, "share-numbers or allocated-size is wrong");
    }
    const bytes = size as number;
    if (bytes < 1 || bytes > LARGEST_SHARE) throw new Refusal(400, "a share of that size cannot be kept");
    const { alreadyHave, allocated } = await this.#shares.allocate(storageIndex, numbers, bytes, secret);
    sendMessage(exchange, 200, { "already-have": shareSet(alreadyHave), allocated: shareSet(allocated) });
  }

  async #write(exchange: Exchange, storageIndex: string, shareNumber: number): Promise<void> {
    wantMessage(exchange);
    const { request } = exchange;
    const secret = readSecrets(request, ["upload-secret"]).get("upload-secret")!;
    const { offset, length } = parseContentRange(request.headers["content-range"]);
    const bytes = await readBody(request, Math.min(length, WRITE_LIMIT));
    if (bytes.length !== length) throw new Refusal(400, "the body is not as long as Content-Range says");
    const outcome = await this.#shares.write(storageIndex, shareNumber, secret, offset, bytes);
    if (outcome !== "complete" && outcome !== "incomplete") throw new Refusal(WRITE_STATUS[outcome], outcome);
    const missing = this.#shares.missing(storageIndex, shareNumber);
    sendMessage(exchange, outcome === "complete" ? 201 : 200, { required: missing });
  }

  async #abort(exchange: Exchange, storageIndex: string, shareNumber: number): Promise<void> {
    const secret = readSecrets(exchange.request, ["upload-secret"]).get("upload-secret")!;
    const found = await this.#shares.abort(storageIndex, shareNumber, secret);
    if (!found) throw new Refusal(405, "no such upload is under way");
    exchange.response.writeHead(200).end();
  }
}

const WRITE_STATUS: { readonly [O in Exclude<WriteOutcome, "complete" | "incomplete">]: number } = {
  unknown: 404,
  "wrong secret": 401,
  "too long": 416,
  conflict: 409,
};

/**
 * As real servers do: a client that says what it accepts must accept CBOR. Comes first, so that nothing has been done for
 * a client that is refused.
 *
 * @throws Refusal 406
 */
function wantMessage({ request }: Exchange): void {
  const accept = request.headers.accept ?? "application/cbor";
  if (!accept.includes("application/cbor")) throw new Refusal(406, "messages are sent as application/cbor only");
}

function sendMessage({ response }: Exchange, status: number, message: Encodable): void {
  response.writeHead(status, { "Content-Type": "application/cbor" }).end(encodeMessage(message));
}

async function readMessage({ request }: Exchange, limit: number): Promise<Map<unknown, unknown>> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim();
  if (type !== "application/cbor") throw new Refusal(415, "messages are taken as application/cbor only");
  const bytes = await readBody(request, limit);
  let message: unknown;
  try {
    message = decodeMessage(bytes);
  } catch {
    throw new Refusal(400, "the message is not CBOR");
  }
  if (!(message instanceof Map)) throw new Refusal(400, "the message is not a map");
  return message;
}
