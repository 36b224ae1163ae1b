import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { isGridError } from "../../base/GridError.ts";
import { urlTransport } from "./urlTransport.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const get = (signal = new AbortController().signal) => ({
  method: "GET" as const,
  path: "/storage/v1/x",
  headers: {},
  signal,
});

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

it("sends method, headers (each line of a list) and body to the path under the server's root", async () => {
  const port = await serve(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url, headersDistinct } = request;
    response.writeHead(201, { "X-Answer": "yes" });
    response.end(JSON.stringify({ method, url, body, lines: headersDistinct["x-tahoe-authorization"] }));
  });
  const reply = await urlTransport(`http://127.0.0.1:${port}/proxy/oak/`, "oak").request({
    ...get(),
    method: "PATCH",
    headers: { "X-Tahoe-Authorization": ["a 1", "b 2"] },
    body: new TextEncoder().encode("share"),
  });
  expect([reply.status, reply.header("x-answer"), reply.header("x-question")]).toEqual([201, "yes", undefined]);
  expect(JSON.parse(await collect(reply.body))).toEqual({
    method: "PATCH",
    url: "/proxy/oak/storage/v1/x",
    body: "share",
    lines: ["a 1", "b 2"],
  });
});

it.each(["end", "resetAndDestroy"] as const)(
  "tells a server that takes connections to %s them at once",
  async (way) => {
    const server = createTcpServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket[way]();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const error = await urlTransport(`http://127.0.0.1:${port}`, "oak")
      .request(get())
      .catch((reason: unknown) => reason);
    expect(isGridError(error, "SERVER_UNREACHABLE") && error.details).toEqual({ server: "oak", reason: "ECONNRESET" });
  },
);

it("rejects a body that breaks off", async () => {
  const port = await serve((_, response) => {
    response.writeHead(200, { "Content-Length": "10" });
    response.write("12345", () => response.destroy());
  });
  const reply = await urlTransport(`http://127.0.0.1:${port}`, "oak").request(get());
  await expect(collect(reply.body)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
});

it("may be cancelled at any moment, that of a reply's end too", async () => {
  const bytes = Buffer.alloc(50_000);
  const port = await serve((_, response) => {
    response.writeHead(200).write(bytes);
    response.end();
  });
  const transport = urlTransport(`http://127.0.0.1:${port}`, "oak");
  for (let i = 0; i < 150; i++) {
    const stop = new AbortController();
    const asking = transport.request(get(stop.signal)).then(async (reply) => {
      let received = 0;
      for await (const piece of reply.body) {
        received += piece.length;
        if (i % 4 === 1 || received === bytes.length) stop.abort();
      }
    });
    if (i % 4 === 2) stop.abort();
    if (i % 4 === 3) setTimeout(() => stop.abort(), i / 50);
    await asking.catch((error: unknown) => expect(error).toBe(stop.signal.reason));
  }
  const reply = await transport.request(get());
  expect((await collect(reply.body)).length).toBe(bytes.length);
});
