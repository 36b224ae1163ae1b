import { GridError } from "../base/GridError.ts";
import type { ByteReader } from "./ByteReader.ts";
import { StreamFailure } from "./ByteStream.ts";
import type { HttpRequest } from "./HttpTransport.ts";

const LONGEST_LINE = 8 * 1024;
const LONGEST_HEAD = 32 * 1024;
/** Replies before the reply (1xx, RFC 9110 section 15.2). */
const MOST_INTERIM = 8;

/** How long a reply's body is (RFC 9112, section 6.3), in bytes or in chunks. */
export type Framing = { readonly kind: "length"; readonly length: number } | { readonly kind: "chunked" };

export interface ReplyHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: Framing;
  /** Whether the connection takes another request after this one. */
  readonly staysOpen: boolean;
}

/** A request's head in bytes, and its body. */
export function encodeRequest(request: HttpRequest, host: string): Uint8Array<ArrayBuffer> {
  const lines = [`${request.method} ${request.path} HTTP/1.1`, `Host: ${host}`];
  for (const [name, value] of Object.entries(request.headers)) {
    for (const one of typeof value === "string" ? [value] : value) lines.push(`${name}: ${one}`);
  }
  const { body } = request;
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
  if (!/^\/[!-~]*$/.test(request.path) || !lines.every((line) => /^[\t -~]*$/.test(line))) {
    const reason = "a request with characters that HTTP does not have";
    throw new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
  }
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  if (body === undefined) return head;
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/**
 * Reads the head of the reply to a GET, POST, PUT or PATCH. Whatever two readers could understand in two ways is refused:
 * bare LF, folded lines, two lengths, a length together with chunks, a body that ends with the connection.
 *
 * @throws StreamFailure
 */
export async function readHead(reader: ByteReader): Promise<ReplyHead> {
  for (let interim = 0; interim <= MOST_INTERIM; interim++) {
    const status = parseStatusLine(await reader.line(LONGEST_LINE));
    const headers = await readFields(reader);
    if (status >= 200) {
      const staysOpen = !/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(headers.get("connection") ?? "");
      return { status, headers, framing: framingOf(status, headers), staysOpen };
    }
    if (status === 101) break;
  }
  throw new StreamFailure("not-http", "there are replies before the reply that nobody asked for");
}

/** Header or trailer fields, up to the empty line. A name that comes again has all its values, with commas between. */
export async function readFields(reader: ByteReader): Promise<Map<string, string>> {
  const fields = new Map<string, string>();
  let total = 0;
  for (;;) {
    const line = await reader.line(LONGEST_LINE);
    if (line === "") return fields;
    total += line.length;
    if (total > LONGEST_HEAD) throw new StreamFailure("not-http", `a head is longer than ${LONGEST_HEAD} bytes`);
    // In one pass: a pattern for blanks around the value takes time in the cube of their number.
    const [, name, text] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) throw new StreamFailure("not-http", "a header line is malformed");
    const key = name.toLowerCase();
    const value = withoutBlanks(text);
    const before = fields.get(key);
    fields.set(key, before === undefined ? value : `${before}, ${value}`);
  }
}

/** Without spaces and tabs around it (OWS, RFC 9110, section 5.6.3). */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text[start])) start++;
  while (start < end && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

function parseStatusLine(line: string): number {
  const [, status] = /^HTTP\/1\.1 ([1-5][0-9]{2})(?: [\t -~\x80-\xff]*)?$/.exec(line) ?? [];
  if (status === undefined) throw new StreamFailure("not-http", "its reply does not begin as HTTP/1.1 does");
  return Number(status);
}

function framingOf(status: number, headers: ReadonlyMap<string, string>): Framing {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) throw unclear("a length that is none, or several");
  if (coding !== undefined && coding.toLowerCase() !== "chunked") throw unclear("an unknown transfer coding");
  if (length !== undefined && coding !== undefined) throw unclear("a length, and chunks too");
  // RFC 9112, section 6.3: these never have one, whatever their headers say. (304 may tell the length it would have.)
  if (status === 204 && (coding !== undefined || Number(length ?? 0) > 0)) throw unclear("a body with status 204");
  if (status === 204 || status === 304) return { kind: "length", length: 0 };
  if (coding !== undefined) return { kind: "chunked" };
  if (length === undefined) throw unclear("no length, so that its end could not be told from a failure");
  return { kind: "length", length: Number(length) };
}

function unclear(what: string): StreamFailure {
  return new StreamFailure("not-http", `a reply has ${what}`);
}
