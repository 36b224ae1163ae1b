import { type FileHandle, open } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseRange } from "../../src/http/parseRange.ts";
import type { Dials } from "../../src/node/grid/Dials.ts";
import { listenOnLoopback } from "../../src/node/grid/listenOnLoopback.ts";
import { Pacer } from "../../src/node/grid/Pacer.ts";
import { sendShare } from "../../src/node/grid/sendShare.ts";

/** An ordinary web server with one film and an empty page, to compare a grid with. */
export class PlainServer {
  readonly #server: Server;
  readonly #film: FileHandle;
  readonly #pacer = new Pacer();

  private constructor(film: FileHandle) {
    this.#film = film;
    this.#server = createServer((request, response) => void this.#answer(request, response).catch(() => undefined));
  }

  static async start(path: string, dials: Dials): Promise<PlainServer> {
    const server = new PlainServer(await open(path));
    server.#pacer.turn(dials);
    await listenOnLoopback(server.#server, 0, "the plain server", () => undefined);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#film.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url !== "/film.mp4") {
      response.setHeader("Content-Type", "text/html").end("<!doctype html>");
      return;
    }
    const left = new AbortController();
    response.on("close", () => left.abort());
    const { size } = await this.#film.stat();
    const range = parseRange(request.headers.range ?? null, size);
    const { offset, length } = range.kind === "part" ? range : { offset: 0, length: size };
    await this.#pacer.beforeAnswer(left.signal);
    response.writeHead(range.kind === "part" ? 206 : 200, {
      "Content-Type": "video/mp4",
      "Accept-Ranges": "bytes",
      "Content-Length": length,
      ...(range.kind === "part" && { "Content-Range": `bytes ${offset}-${offset + length - 1}/${size}` }),
    });
    await sendShare(response, this.#film, { offset, length }, this.#pacer, () => undefined, left.signal);
    response.end();
  }
}
