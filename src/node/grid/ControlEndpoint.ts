import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GridError, isGridError } from "../../base/GridError.ts";
import type { Counters } from "./DevelopmentServer.ts";
import { checkDials, type Dials, noDials } from "./Dials.ts";
import { listenOnLoopback } from "./listenOnLoopback.ts";
import { isFromHere, Refusal, readBody } from "./requestParts.ts";

const SETTINGS_LIMIT = 4096;

/** What the endpoint tells of a server. */
export interface ServerStatus {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly dials: Dials;
  readonly counters: Readonly<Counters>;
}

/** What the endpoint acts on. */
export interface Controlled {
  status(): ServerStatus[];
  /** @throws GridError BAD_CONFIG if there is no such server */
  setDials(index: number, change: Partial<Dials>): void;
  reset(): void;
}

/**
 * The dials of a development grid over HTTP, JSON in and out, each answer the new state of all servers:
 * `GET /servers`; `PATCH /servers/<n>` changes the dials that are given, `PUT /servers/<n>` turns the others back;
 * `POST /reset` turns all back and counts from zero.
 */
export class ControlEndpoint {
  readonly #controlled: Controlled;
  readonly #http: Server;

  private constructor(controlled: Controlled) {
    this.#controlled = controlled;
    this.#http = createServer((request, response) => void this.#answer(request, response));
  }

  /** @param port to listen on if it is free; 0 for any */
  static async start(controlled: Controlled, port: number, log: (line: string) => void): Promise<ControlEndpoint> {
    const endpoint = new ControlEndpoint(controlled);
    await listenOnLoopback(endpoint.#http, port, "the control endpoint", log);
    return endpoint;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      admit(request, response);
      if (request.method === "OPTIONS") response.writeHead(204).end();
      else {
        await this.#act(request);
        response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(this.#controlled.status()));
      }
    } catch (error) {
      const status = error instanceof Refusal ? error.status : isGridError(error, "BAD_CONFIG") ? 400 : 500;
      response
        .writeHead(status, { "Content-Type": "text/plain" })
        .end(`${error instanceof Error ? error.message : error}\n`);
    }
  }

  async #act(request: IncomingMessage): Promise<void> {
    const [, index] = /^\/servers\/(\d{1,4})$/.exec(request.url ?? "") ?? [];
    if (index !== undefined && (request.method === "PUT" || request.method === "PATCH")) {
      const change = checkDials(parseJson((await readBody(request, SETTINGS_LIMIT)).toString()));
      this.#controlled.setDials(Number(index), request.method === "PUT" ? { ...noDials, ...change } : change);
    } else if (request.method === "POST" && request.url === "/reset") this.#controlled.reset();
    else if (request.method !== "GET" || request.url !== "/servers") {
      throw new Refusal(404, "There are GET /servers, PATCH and PUT /servers/<n>, POST /reset.");
    }
  }
}

/** Pages from elsewhere must not turn the dials of a developer's grid. */
function admit(request: IncomingMessage, response: ServerResponse): void {
  if (!isFromHere(request)) throw new Refusal(403, "Only pages on loopback may turn the dials.");
  const { origin } = request.headers;
  if (origin === undefined) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH");
  response.setHeader("Access-Control-Allow-Headers", "Content-Type");
  response.setHeader("Vary", "Origin");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GridError("BAD_CONFIG", { reason: "no JSON" }, "The dial cannot be set: the body is not JSON.");
  }
}
