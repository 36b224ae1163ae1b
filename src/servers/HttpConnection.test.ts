import { describe, expect, it } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { StreamFailure } from "./ByteStream.ts";
import { HttpConnection } from "./HttpConnection.ts";
import type { HttpRequest } from "./HttpTransport.ts";
import { memoryStreams } from "./testing/memoryStreams.ts";

const request: HttpRequest = { method: "GET", path: "/x", headers: {}, signal: new AbortController().signal };

/** What a client makes of a reply that arrives in pieces of `size` bytes, and whether it would use the connection again. */
async function receive(reply: string, size = reply.length, isKeptOpen = true) {
  const [client, server] = memoryStreams();
  const bytes = Buffer.from(reply, "latin1");
  for (let at = 0; at < bytes.length; at += size) await server.write(new Uint8Array(bytes.subarray(at, at + size)));
  const connection = new HttpConnection(client);
  // Ends what the server says, not what it hears.
  if (!isKeptOpen) setTimeout(() => server.close(), 0);
  const { head, body } = await connection.send(request, "oak:1");
  let text = "";
  for (let next = await body.next(); !next.done; next = await body.next())
    text += Buffer.from(next.value).toString("latin1");
  return { status: head.status, text, isUsable: connection.isUsable, header: (name: string) => head.headers.get(name) };
}

async function refusal(reply: string): Promise<unknown> {
  const error = await receive(reply).catch((reason: unknown) => reason);
  return error instanceof StreamFailure ? error.why : error;
}

const head = (...lines: string[]) => ["HTTP/1.1 200 OK", ...lines, "", ""].join("\r\n");

describe("replies that are understood", () => {
  it.each([
    ["a length", `${head("Content-Length: 5")}hello`],
    ["chunks", `${head("Transfer-Encoding: Chunked")}2\r\nhe\r\n003 ;a="b"\r\nllo\r\n0\r\nX: y\r\n\r\n`],
    ["an interim reply first", `HTTP/1.1 100 Continue\r\n\r\n${head("content-length:5")}hello`],
    ["no reason phrase", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"],
    ["space around a value", `${head("Content-Length: \t 5 \t")}hello`],
  ])("%s, in pieces of any size", async (_, reply) => {
    for (const size of [1, 2, 3, 7, reply.length]) {
      expect(await receive(reply, size)).toMatchObject({ status: 200, text: "hello", isUsable: true });
    }
  });

  it("keeps values apart from names, and joins those of one name", async () => {
    const { header } = await receive(head("Content-Length: 0", "X-A: b: c", "x-a: d", "X-Empty:"));
    expect([header("x-a"), header("x-empty")]).toEqual(["b: c, d", ""]);
    const blanks = await receive(head("Content-Length: 0", "X-A: \t b \t c\t ", "X-Empty: \t "));
    expect([blanks.header("x-a"), blanks.header("x-empty")]).toEqual(["b \t c", ""]);
  });

  it.each(["close", "Close", "keep-alive, close"])("takes no second request after Connection: %s", async (value) => {
    expect(await receive(`${head("Content-Length: 2", `Connection: ${value}`)}ok`)).toMatchObject({ isUsable: false });
  });

  it("takes none where more came than the reply", async () => {
    expect(await receive(`${head("Content-Length: 2")}ok!`)).toMatchObject({ text: "ok", isUsable: false });
  });

  it.each([204, 304])("%i has no body, and the connection is free at once", async (status) => {
    expect(await receive(`HTTP/1.1 ${status} No\r\n\r\n`)).toMatchObject({ status, text: "", isUsable: true });
  });

  it("304 may tell the length that it would have", async () => {
    expect(await receive("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n")).toMatchObject({ text: "", isUsable: true });
  });
});

describe("replies that are refused", () => {
  it.each([
    ["another protocol", "SSH-2.0-x\r\n\r\n"],
    ["HTTP/1.0, whose bodies end with the connection", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a switch of protocols", "HTTP/1.1 101 Switching\r\n\r\n"],
    ["interim replies without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(20)],
    ["no length", `${head()}hello`],
    ["a length and chunks", `${head("Content-Length: 5", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["two lengths", `${head("Content-Length: 5", "Content-Length: 5")}hello`],
    ["a list of lengths", `${head("Content-Length: 5, 5")}hello`],
    ["a negative length", `${head("Content-Length: -5")}hello`],
    ["a signed length", `${head("Content-Length: +5")}hello`],
    ["a hexadecimal length", `${head("Content-Length: 0x5")}hello`],
    ["an empty length", `${head("Content-Length:")}hello`],
    ["a length beyond 2^53", head("Content-Length: 9007199254740993")],
    ["two codings", head("Transfer-Encoding: gzip, chunked")],
    ["another coding", head("Transfer-Encoding: identity")],
    ["204 with a length", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"],
    ["204 with chunks", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a line that ends with LF alone", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["a folded line", head("Content-Length: 0", "X: y", " z")],
    ["space before the colon", head("Content-Length : 0")],
    ["a header without colon", head("Content-Length")],
    ["a header without name", head(": 0")],
    ["a control character", head("Content-Length: 0", "X: a\0b")],
    // By a pattern with room for blanks in three places this would take the better part of an hour.
    ["a control character after many blanks", head("Content-Length: 0", `X:${" ".repeat(8000)}\0`)],
    ["a carriage return in a line", head("Content-Length: 0", "X: a\rb")],
    ["a long line", head(`X: ${"y".repeat(9000)}`)],
    ["a long head", head(...Array.from({ length: 5000 }, (_, i) => `X-${i}: yyyyyyyy`))],
    ["a chunk without size", `${head("Transfer-Encoding: chunked")}\r\n`],
    ["a chunk of negative size", `${head("Transfer-Encoding: chunked")}-1\r\n`],
    ["a chunk of 2^56 bytes", `${head("Transfer-Encoding: chunked")}100000000000000\r\n`],
    ["a chunk longer than its size", `${head("Transfer-Encoding: chunked")}2\r\nhello\r\n0\r\n\r\n`],
    ["a long chunk extension", `${head("Transfer-Encoding: chunked")}2;${"x".repeat(2000)}\r\nok\r\n0\r\n\r\n`],
    ["trailers without end", `${head("Transfer-Encoding: chunked")}0\r\n${"X: yyyyyyyyyyyyyyyy\r\n".repeat(3000)}\r\n`],
  ])("%s", async (_, reply) => {
    expect(await refusal(reply)).toBe("not-http");
  });

  it.each([
    ["in the status line", "HTTP/1.1 20"],
    ["in a header", "HTTP/1.1 200 OK\r\nContent-Le"],
    ["in the body", `${head("Content-Length: 5")}hel`],
    ["in a chunk", `${head("Transfer-Encoding: chunked")}5\r\nhel`],
    ["before the last chunk", `${head("Transfer-Encoding: chunked")}5\r\nhello\r\n`],
    ["before the trailers' end", `${head("Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n`],
  ])("an end %s, which is never a short body", async (_, reply) => {
    await expect(receive(reply, reply.length, false)).rejects.toMatchObject({ why: "broke-off" });
  });
});

describe("requests", () => {
  const sent = async (change: Partial<HttpRequest>) => {
    const [client, server] = memoryStreams();
    void new HttpConnection(client).send({ ...request, ...change }, "oak:1").catch(() => undefined);
    return Buffer.from((await server.read()) ?? []).toString();
  };

  it("are written as HTTP/1.1 has them", async () => {
    const headers = { Authorization: "a b", "X-List": ["1", "2"] };
    expect(await sent({ method: "PUT", path: "/y?z", headers, body: utf8("body") })).toBe(
      "PUT /y?z HTTP/1.1\r\nHost: oak:1\r\nAuthorization: a b\r\nX-List: 1\r\nX-List: 2\r\nContent-Length: 4\r\n\r\nbody",
    );
  });

  it.each<[string, Partial<HttpRequest>]>([
    ["a line's end in a header", { headers: { X: "a\r\nY: b" } }],
    ["a line's end in a path", { path: "/x\r\nY: b" }],
    ["a space in a path", { path: "/x y" }],
    ["a path that begins elsewhere", { path: "x" }],
  ])("refuse %s before anything is sent", async (_, change) => {
    const [client, server] = memoryStreams();
    await expect(new HttpConnection(client).send({ ...request, ...change }, "oak:1")).rejects.toMatchObject({
      code: "INTERNAL",
    });
    client.close();
    expect(await server.read()).toBeUndefined();
  });
});
