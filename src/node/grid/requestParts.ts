import type { IncomingMessage } from "node:http";
import type { ByteRange } from "../../base/range.ts";
import { decodeBase32 } from "../../formats/base32.ts";

/** An answer other than success, as an exception. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/;

/**
 * Is a request meant for this machine, and not sent by a page from elsewhere? A name of another site may lead to loopback,
 * so `Host` counts, too.
 */
export function isFromHere({ headers: { host = "", origin } }: IncomingMessage): boolean {
  const isLocal = (url: string) => URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
  return isLocal(`http://${host}`) && (origin === undefined || isLocal(origin));
}

/** Is this a storage index as it stands in a path: 26 characters of canonical base32? */
export function isStorageIndex(text: string): boolean {
  try {
    return decodeBase32(text).length === 16 && text.length === 26;
  } catch {
    return false;
  }
}

/**
 * What of a share of `size` bytes a Range header asks for; undefined where the share ends before.
 * @throws Refusal 416 for everything but one closed range
 */
export function parseClosedRange(header: string, size: number): ByteRange | undefined {
  const [first, last] = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(header)?.slice(1).map(Number) ?? [];
  if (first === undefined || last === undefined || first > last) {
    throw new Refusal(416, "only one range of the form bytes=<first>-<last> is served");
  }
  return first >= size ? undefined : { offset: first, length: Math.min(last + 1, size) - first };
}

/**
 * Where the bytes of a PATCH belong.
 * @throws Refusal 416 for everything but a closed range
 */
export function parseContentRange(header: string | undefined): ByteRange {
  const [first, last] =
    /^bytes (\d{1,16})-(\d{1,16})\/(?:\*|\d{1,16})$/
      .exec(header ?? "")
      ?.slice(1)
      .map(Number) ?? [];
  if (first === undefined || last === undefined || first > last)
    throw new Refusal(416, "Content-Range is missing or wrong");
  return { offset: first, length: last + 1 - first };
}

/**
 * The secrets of a request's X-Tahoe-Authorization headers, in base64, by their kinds.
 * @throws Refusal 400 unless they are exactly these kinds, each of 32 bytes
 */
export function readSecrets(request: IncomingMessage, kinds: readonly string[]): Map<string, string> {
  const lines = request.headersDistinct["x-tahoe-authorization"] ?? [];
  const secrets = new Map<string, string>();
  // A platform may join headers of one name to one line.
  for (const line of lines.flatMap((joined) => joined.split(","))) {
    const [kind = "", secret = ""] = line.trim().split(" ");
    if (!/^[A-Za-z0-9+/]{43}=$/.test(secret)) throw new Refusal(400, "a secret is not 32 bytes of base64");
    secrets.set(kind, secret);
  }
  if (secrets.size !== kinds.length || !kinds.every((kind) => secrets.has(kind))) {
    throw new Refusal(400, `the secrets must be ${kinds.join(", ")}`);
  }
  return secrets;
}

/**
 * The whole body of a request.
 * @throws Refusal 413 if it is longer than `limit`
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > limit) throw new Refusal(413, `the body has more than ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
