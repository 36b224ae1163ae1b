import { Agent } from "node:https";
import type { Duplex } from "node:stream";
import type { Nurl } from "../../servers/parseNurl.ts";
import { IDLE_LIMIT } from "../../servers/serverConnections.ts";
import { connectPinned } from "./connectPinned.ts";
import type { NodeRequestOptions } from "./nodeTransport.ts";

/** Connections to one server, each given out only once the key in its certificate has proven to be the pinned one. */
export class PinnedAgent extends Agent {
  readonly #nurl: Nurl;

  constructor(nurl: Nurl) {
    super({ keepAlive: true, timeout: IDLE_LIMIT, maxCachedSessions: 0 });
    this.#nurl = nurl;
  }

  // The socket is handed over by the callback, after the check, so that not a byte of a request (the swissnum!) is
  // written before it.
  override createConnection(
    options: NodeRequestOptions,
    callback: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    void connectPinned(this.#nurl, options.connectSignal).then(
      ({ socket }) => callback(null, socket),
      // Node passes no socket with an error; its types do not say so.
      (error: Error) => callback(error, undefined as unknown as Duplex),
    );
  }
}
