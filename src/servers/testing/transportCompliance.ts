import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { isGridError } from "../../base/GridError.ts";
import { HttpStorageClient } from "../HttpStorageClient.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "../HttpTransport.ts";
import { discardBody } from "../httpBody.ts";
import type { HeardRequest, Reply, ScriptedHttpServer } from "./ScriptedHttpServer.ts";

/** A transport under test and the server that it leads to. */
export interface TransportStage {
  readonly transport: HttpTransport;
  readonly server: ScriptedHttpServer;
  close(): Promise<void>;
}

/** In what a platform's own HTTP differs, by no fault of the transport. */
export interface TransportTraits {
  /** The most connections to one server; undefined where the platform decides. */
  readonly connections?: number;
  /** How many of them may be there for nobody yet. */
  readonly ahead?: number;
  /** A request on a connection that was just being closed is asked again; false where browsers do so and Node does not. */
  readonly repeats: boolean;
}

const SI = "hdis5iaveku6lnlaiccydyid7q";
const SWISSNUM = "a-secret-that-lets-clients-in";
const MiB = 1024 * 1024;
const never = new AbortController().signal;

const get = (path = "/x", signal: AbortSignal = never): HttpRequest => ({ method: "GET", path, headers: {}, signal });
const ok = (body: string, headers = "") =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const share = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);

/** What every transport must do, whatever the platform: one suite for all. */
export function transportCompliance(name: string, open: () => Promise<TransportStage>, traits: TransportTraits): void {
  const { ahead = 0 } = traits;
  describe(`${name}: transport compliance`, () => {
    let stage: TransportStage;
    let server: ScriptedHttpServer;
    let transport: HttpTransport;

    beforeEach(async () => {
      stage = await open();
      ({ server, transport } = stage);
    });

    afterEach(async () => {
      expect(server.pipelined).toBe(0);
      await stage.close();
    });

    const ask = async (path?: string) => textOf(await transport.request(get(path)));
    const client = () => new HttpStorageClient(transport, "oak", SWISSNUM);

    /** The transport is as good as new. */
    const expectHealth = async () => {
      server.script = (_, reply) => reply.send(ok("healthy"));
      expect(await ask()).toBe("healthy");
    };

    describe("requests", () => {
      it("method, path, headers (each line of a list) and body arrive, the reply's status and headers too", async () => {
        let heard: HeardRequest | undefined;
        server.script = (request, reply) => {
          heard = request;
          return reply.send(
            "HTTP/1.1 201 Created\r\nX-Answer:  yes\r\nx-more: 1\r\nX-More: 2\r\nContent-Length: 2\r\n\r\nok",
          );
        };
        const reply = await transport.request({
          ...get("/storage/v1/x?y=1"),
          method: "PATCH",
          headers: { Authorization: "Tahoe-LAFS eA==", "X-List": "a" },
          body: new TextEncoder().encode("share"),
        });
        expect(heard).toMatchObject({ method: "PATCH", path: "/storage/v1/x?y=1", body: "share" });
        expect(heard?.header("authorization")).toBe("Tahoe-LAFS eA==");
        expect([reply.status, reply.header("x-answer"), reply.header("x-more"), reply.header("x-none")]).toEqual([
          201,
          "yes",
          "1, 2",
          undefined,
        ]);
        expect(await textOf(reply)).toBe("ok");
      });

      it("concurrent reads get each its own bytes, never two at once on a connection", async () => {
        serveShare(server);
        const reads = Array.from({ length: 24 }, (_, i) => read(client(), i * 10_000, 10_000));
        for (const [i, bytes] of (await Promise.all(reads)).entries()) {
          expect(bytes.equals(share.subarray(i * 10_000, (i + 1) * 10_000))).toBe(true);
        }
        if (traits.connections !== undefined) expect(server.connections).toBeLessThanOrEqual(traits.connections);
      });

      it("one after the other, they share a connection", async () => {
        server.script = (_, reply) => reply.send(ok("again"));
        for (let i = 0; i < 9; i++) expect(await ask()).toBe("again");
        // Node's fetch takes two at first.
        expect(server.connections).toBeLessThanOrEqual(2);
      });
    });

    describe("replies", () => {
      it.each([401, 404, 416, 500])("%i is a reply like any other", async (status) => {
        server.script = (_, reply) => reply.send(`HTTP/1.1 ${status} Sorry\r\nContent-Length: 5\r\n\r\nsorry`);
        const reply = await transport.request(get());
        expect([reply.status, await textOf(reply)]).toEqual([status, "sorry"]);
        const refused = client().listShares(SI, never);
        await expect(refused).rejects.toMatchObject({ code: "SERVER_REFUSED", details: { status } });
        await expectHealth();
      });

      it("204 has no body", async () => {
        server.script = (_, reply) => reply.send("HTTP/1.1 204 No Content\r\n\r\n");
        expect(await ask()).toBe("");
        expect(await read(client(), 400_000, 10)).toHaveLength(0);
        await expectHealth();
      });

      it.each([
        ["a length of zero", "Content-Length: 0\r\n\r\n"],
        ["the last chunk alone", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
      ])("no bytes, by %s, are no bytes", async (_, rest) => {
        server.script = (__, reply) => reply.send(`HTTP/1.1 200 OK\r\n${rest}`);
        expect(await ask()).toBe("");
        await expectHealth();
      });

      it("chunks of any size, with extensions and trailers, are put together", async () => {
        server.script = (_, reply) =>
          reply.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n00b;x=y\r\nbcdefghijkl\r\nA\r\nmnopqrstuv\r\n0\r\nX-T: 1\r\n\r\n",
          );
        expect(await ask()).toBe("abcdefghijklmnopqrstuv");
        await expectHealth();
      });

      it("a head that comes a byte at a time is waited for", async () => {
        server.script = async (_, reply) => {
          for (const byte of ok("slow", "X-Y: z\r\n")) {
            await reply.send(byte);
            await turn();
          }
        };
        expect(await ask()).toBe("slow");
      });

      it("a body is handed on as it comes", async () => {
        let release = () => {};
        const wait = new Promise<void>((resolve) => {
          release = resolve;
        });
        server.script = async (_, reply) => {
          await reply.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
          await wait;
          await reply.send("def");
        };
        const body = (await transport.request(get())).body[Symbol.asyncIterator]();
        expect(Buffer.from((await body.next()).value!).toString()).toBe("abc");
        release();
        expect(Buffer.from((await body.next()).value!).toString()).toBe("def");
        expect((await body.next()).done).toBe(true);
      });

      it("a huge body arrives whole", { timeout: 60_000 }, async () => {
        const piece = new Uint8Array(MiB).fill(7);
        server.script = async (_, reply) => {
          await reply.send(`HTTP/1.1 200 OK\r\nContent-Length: ${24 * MiB}\r\n\r\n`);
          for (let i = 0; i < 24 && !reply.isDestroyed; i++) await reply.send(piece);
        };
        let received = 0;
        for await (const bytes of (await transport.request(get())).body) {
          received += bytes.length;
          if (bytes.some((byte) => byte !== 7)) throw new Error("other bytes");
        }
        expect(received).toBe(24 * MiB);
        await expectHealth();
      });

      it("a body that nobody reads is not fetched, and leaving it ends the transfer", async () => {
        const piece = new Uint8Array(MiB);
        let sent = 0;
        server.script = async (_, reply) => {
          await reply.send(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MiB}\r\n\r\n`);
          for (; sent < 1024 && !reply.isDestroyed; sent++) await reply.send(piece);
        };
        const body = (await transport.request(get())).body[Symbol.asyncIterator]();
        await body.next();
        await settled(() => sent);
        expect(sent).toBeLessThan(64);
        await body.return?.();
        await until(() => server.openConnections <= ahead);
        await expectHealth();
      });

      it("a wrong content type is told by the header and refused by the storage client", async () => {
        server.script = (_, reply) => reply.send(ok("<html>", "Content-Type: text/html\r\n"));
        expect((await transport.request(get())).header("content-type")).toBe("text/html");
        await expect(client().listShares(SI, never)).rejects.toMatchObject({ code: "SERVER_REFUSED" });
        await expectHealth();
      });
    });

    describe("what breaks", () => {
      it.each([
        ["a length", "Content-Length: 10\r\n\r\n12345"],
        ["a chunk's size", "Transfer-Encoding: chunked\r\n\r\na\r\n12345"],
        ["the last chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"],
      ])("a body shorter than %s says is an error", async (_, rest) => {
        server.script = async (__, reply) => {
          await reply.send(`HTTP/1.1 200 OK\r\n${rest}`);
          reply.end();
        };
        const reply = await transport.request(get());
        expect(await failureOf(textOf(reply))).toBe("SERVER_UNREACHABLE");
        await expectHealth();
      });

      it("bytes after a reply's end belong to no reply", async () => {
        server.script = (_, reply) => reply.send(`${ok("first")}${ok("forged")}`);
        const first = await transport.request(get()).then(textOf, () => "first");
        expect(first).toBe("first");
        await expectHealth();
      });

      it("more bytes of a share than asked for are refused and stopped", async () => {
        server.script = (_, reply) =>
          reply.send(
            "HTTP/1.1 206 Partial\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 10\r\n\r\n0123456789",
          );
        await expect(read(client(), 0, 5)).rejects.toMatchObject({ code: "SERVER_REFUSED" });
        await expectHealth();
      });

      it.each([
        ["what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
        ["a head without end", `HTTP/1.1 200 OK\r\n${"X-Long: 0123456789\r\n".repeat(10_000)}`],
        ["a line without end", `HTTP/1.1 200 OK\r\nX-Long: ${"0123456789".repeat(20_000)}`],
        ["a malformed chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlots\r\nabc\r\n0\r\n\r\n"],
        ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
      ])("%s is an error", async (_, text) => {
        server.script = (__, reply) => reply.send(text);
        expect(await failureOf(transport.request(get()).then(textOf))).toBe("SERVER_UNREACHABLE");
        await expectHealth();
      });

      it("a server that closes at once, ends after the request, or is not there is told, without secrets", async () => {
        server.script = (_, reply) => reply.end();
        const error = await client()
          .listShares(SI, never)
          .catch((reason: unknown) => reason);
        expect(isGridError(error, "SERVER_UNREACHABLE") && error.details.server).toBe("oak");
        expect(String(error)).not.toContain(SWISSNUM);
        await server.stop();
        expect(await failureOf(ask())).toBe("SERVER_UNREACHABLE");
        await server.start();
        await expectHealth();
      });

      it("a server that restarts in the middle of reads breaks them, and serves the next", async () => {
        server.script = (_, reply) => reply.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
        const replies = await Promise.all([1, 2, 3].map(() => transport.request(get())));
        const bodies = replies.map(textOf).map(failureOf);
        await server.stop();
        expect(await Promise.all(bodies)).toEqual(Array(3).fill("SERVER_UNREACHABLE"));
        await server.start();
        await expectHealth();
      });

      it.each(["hangUp", "cut"] as const)(
        "connections that the server closed while they idled (%s) are no failure",
        async (how) => {
          const clients = clientSockets();
          server.script = (_, reply) => reply.send(ok("once"));
          await Promise.all([ask(), ask(), ask()]);
          server[how]();
          await until(() => server.openConnections <= ahead);
          // What does not ask again must have noticed, or it meets the moment of closing.
          if (!traits.repeats) await until(() => clients.length > 0 && clients.every((socket) => socket.destroyed));
          await expectHealth();
        },
      );

      if (traits.repeats) {
        it("nor is one that the server closes in the moment it is asked again; but only reads are repeated", async () => {
          server.script = (_, reply) => reply.send(ok("once"));
          await ask();
          let asked = 0;
          server.script = (_, reply) => (asked++ === 0 ? reply.destroy() : reply.send(ok("again")));
          expect(await ask()).toBe("again");
          expect(asked).toBe(2);
          asked = 0;
          const posted = transport.request({ ...get(), method: "POST", body: new Uint8Array(3) });
          expect(await failureOf(posted)).toBe("SERVER_UNREACHABLE");
          expect(asked).toBe(1);
          // A connection that was not idle has failed for good.
          server.script = (_, reply) => reply.destroy();
          expect(await failureOf(ask())).toBe("SERVER_UNREACHABLE");
        });
      }
    });

    describe("cancelling", () => {
      const reason = new Error("enough");

      it("before, while waiting for the head, and in the body rejects with the signal's reason", async () => {
        server.script = ({ path }, reply) =>
          path === "/body" ? reply.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin") : reply.send("HTTP/1.1 2");
        await expect(transport.request(get("/x", AbortSignal.abort(reason)))).rejects.toBe(reason);
        const waiting = new AbortController();
        const asking = transport.request(get("/head", waiting.signal));
        setTimeout(() => waiting.abort(reason), 30);
        await expect(asking).rejects.toBe(reason);
        const reading = new AbortController();
        const body = textOf(await transport.request(get("/body", reading.signal)));
        setTimeout(() => reading.abort(reason), 30);
        await expect(body).rejects.toBe(reason);
        await until(() => server.openConnections <= ahead);
        await expectHealth();
      });

      it("ends one read alone", async () => {
        let release = () => {};
        const wait = new Promise<void>((resolve) => {
          release = resolve;
        });
        server.script = async (_, reply) => {
          await reply.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin");
          await wait;
          await reply.send("+++++");
        };
        const stop = new AbortController();
        const kept = textOf(await transport.request(get("/kept")));
        const left = [1, 2].map(async (n) => textOf(await transport.request(get(`/${n}`, stop.signal))));
        await until(() => server.openConnections === 3 + ahead);
        stop.abort(reason);
        expect(await Promise.allSettled(left)).toEqual(Array(2).fill({ status: "rejected", reason }));
        await until(() => server.openConnections === 1 + ahead);
        release();
        expect(await kept).toBe("begin+++++");
        await expectHealth();
      });

      it("frees what waits in line", async () => {
        server.script = () => undefined;
        const stop = new AbortController();
        setMaxListeners(0, stop.signal);
        const asking = Promise.allSettled(Array.from({ length: 12 }, () => transport.request(get("/x", stop.signal))));
        await until(() => server.connections >= 4);
        stop.abort(reason);
        expect(await asking).toEqual(Array(12).fill({ status: "rejected", reason }));
        await expectHealth();
      });

      it("may come at any moment, that of the reply's end too", async () => {
        serveShare(server);
        for (let i = 0; i < 60; i++) {
          const stop = new AbortController();
          const reading = (async () => {
            let received = 0;
            for await (const piece of client().readShare(SI, 3, 0, 50_000, stop.signal)) {
              received += piece.length;
              if (i % 4 === 1 || received === 50_000) stop.abort(reason);
            }
          })();
          if (i % 4 === 2) stop.abort(reason);
          if (i % 4 === 3) setTimeout(() => stop.abort(reason), i / 20);
          await reading.catch((error: unknown) => expect(error).toBe(reason));
        }
        expect((await read(client(), 0, 50_000)).equals(share.subarray(0, 50_000))).toBe(true);
      });

      it("leaving a body before its first piece frees the connection's place", async () => {
        server.script = (_, reply) => reply.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
        for (let i = 0; i < 8; i++) await discardBody(await transport.request(get()));
        await expectHealth();
      });
    });
  });
}

/** Answers Range requests for one share as a real server does: in chunks, without a total. */
function serveShare(server: ScriptedHttpServer): void {
  server.script = async (request: HeardRequest, reply: Reply) => {
    const [first = 0, last = 0] =
      /^bytes=(\d+)-(\d+)$/
        .exec(request.header("range") ?? "")
        ?.slice(1)
        .map(Number) ?? [];
    await reply.send(
      `HTTP/1.1 206 Partial\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${first}-${last}/*\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let at = first; at <= last; at += 4000) {
      const part = share.subarray(at, Math.min(at + 4000, last + 1));
      await reply.send(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]));
    }
    await reply.send("0\r\n\r\n");
  };
}

async function read(client: HttpStorageClient, offset: number, length: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of client.readShare(SI, 3, offset, length, never)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function textOf(reply: HttpReply): Promise<string> {
  let text = "";
  for await (const piece of reply.body) text += Buffer.from(piece).toString();
  return text;
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    (value) => `no failure: ${String(value).slice(0, 100)}`,
    (error: unknown) => (isGridError(error) ? error.code : `not a GridError: ${error}`),
  );
}

/** The sockets that this process opens until the test ends: a list that grows. */
function clientSockets(): Socket[] {
  const sockets: Socket[] = [];
  const listen = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  subscribe("net.client.socket", listen);
  onTestFinished(() => void unsubscribe("net.client.socket", listen));
  return sockets;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Waits until a figure stays the same for a while. */
async function settled(figure: () => number): Promise<void> {
  for (let before = -1; before !== figure(); ) {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
