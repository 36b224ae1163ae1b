import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { fetchTransport } from "./fetchTransport.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllGlobals();
  for (const close of closers.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = (path: string, signal = new AbortController().signal) => ({
  method: "GET" as const,
  path,
  headers: {},
  signal,
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isGridError(error) ? error.code : `not a GridError: ${error}`;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

it("sends method, headers and body to the path under the server's root", async () => {
  const url = await serve(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url: path, headers } = request;
    response.writeHead(201, { "X-Answer": "yes" });
    response.end(JSON.stringify({ method, path, body, authorization: headers.authorization, range: headers.range }));
  });
  const reply = await fetchTransport(`${url}/proxy/oak/`, "oak").request({
    method: "PATCH",
    path: "/storage/v1/x",
    headers: { Authorization: "Tahoe-LAFS eA==", Range: "bytes=1-2" },
    body: new TextEncoder().encode("share"),
    signal: new AbortController().signal,
  });
  expect(reply.status).toBe(201);
  expect(reply.header("x-answer")).toBe("yes");
  expect(reply.header("x-question")).toBeUndefined();
  expect(JSON.parse(await collect(reply.body))).toEqual({
    method: "PATCH",
    path: "/proxy/oak/storage/v1/x",
    body: "share",
    authorization: "Tahoe-LAFS eA==",
    range: "bytes=1-2",
  });
});

it("does not follow redirects", async () => {
  let asked = 0;
  const url = await serve((request, response) => {
    asked++;
    if (request.url === "/there") response.end("there");
    else response.writeHead(302, { Location: "/there" }).end();
  });
  expect(await codeOf(fetchTransport(url, "oak").request(get("/here")))).toBe("SERVER_UNREACHABLE");
  expect(asked).toBe(1);
});

it("tells which server cannot be reached and why, without its URL", async () => {
  const url = await serve(() => undefined);
  for (const close of closers.splice(0)) close();
  const error = await fetchTransport(url, "oak")
    .request(get("/"))
    .catch((reason: unknown) => reason);
  expect(isGridError(error, "SERVER_UNREACHABLE") && error.details).toEqual({
    server: "oak",
    reason: "the request failed (ECONNREFUSED)",
  });
  expect(String(error)).not.toContain("127.0.0.1");
});

it("rejects a body that breaks off", async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { "Content-Length": "10" });
    response.write("12345", () => response.destroy());
  });
  const reply = await fetchTransport(url, "oak").request(get("/"));
  expect(await codeOf(collect(reply.body))).toBe("SERVER_UNREACHABLE");
});

it("rejects with the signal's reason while it waits for the head and while it reads the body", async () => {
  const url = await serve((request, response) => {
    if (request.url === "/body") response.writeHead(200).write("begin");
  });
  const transport = fetchTransport(url, "oak");
  const reason = new Error("enough");

  const beforeHead = new AbortController();
  const waiting = transport.request(get("/head", beforeHead.signal));
  beforeHead.abort(reason);
  await expect(waiting).rejects.toBe(reason);

  const inBody = new AbortController();
  const reply = await transport.request(get("/body", inBody.signal));
  const reading = collect(reply.body);
  inBody.abort(reason);
  await expect(reading).rejects.toBe(reason);

  await expect(transport.request(get("/head", AbortSignal.abort(reason)))).rejects.toBe(reason);
});

it("rejects with the signal's reason even where fetch leaves the read or the cancellation pending", async () => {
  const pending = () => new Promise<never>(() => undefined);
  vi.stubGlobal("fetch", async () => new Response(new ReadableStream({ pull: pending, cancel: pending })));
  const reason = new Error("enough");
  for (const call of ["next", "return"] as const) {
    const stop = new AbortController();
    const reply = await fetchTransport("http://127.0.0.1", "oak").request(get("/", stop.signal));
    const outcome = reply.body[Symbol.asyncIterator]()
      [call]?.()
      .catch((error: unknown) => error);
    stop.abort(reason);
    expect(await outcome).toEqual(call === "next" ? reason : { done: true, value: undefined });
  }
});

it.each(["before the first piece", "after it"])("stops the transfer when the body is left %s", async (moment) => {
  const closed = resolvers();
  const url = await serve((_, response) => {
    response.on("close", () => closed.resolve(response.writableFinished));
    response.writeHead(200).write("begin");
  });
  const reply = await fetchTransport(url, "oak").request(get("/"));
  const body = reply.body[Symbol.asyncIterator]();
  if (moment === "after it") await body.next();
  await body.return?.();
  expect(await closed.promise).toBe(false);
});

function resolvers(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => undefined;
  return { promise: new Promise((done) => (resolve = done)), resolve: (value) => resolve(value) };
}
