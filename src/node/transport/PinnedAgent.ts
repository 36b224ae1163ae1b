import { Agent } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { StreamFailure } from "../../servers/ByteStream.ts";
import type { Nurl } from "../../servers/parseNurl.ts";
import { IDLE_LIMIT } from "../../servers/serverConnections.ts";
import type { NodeRequestOptions } from "./nodeTransport.ts";
import { tlsIdOf } from "./tlsIdOf.ts";

const CONNECT_LIMIT = 20_000;

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
    void this.#connect(options.connectSignal).then(
      (socket) => callback(null, socket),
      // Node passes no socket with an error; its types do not say so.
      (error: Error) => callback(error, undefined as unknown as Duplex),
    );
  }

  #connect(signal: AbortSignal | undefined): Promise<TLSSocket> {
    const { host, port, tlsId } = this.#nurl;
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        // The certificate is self-signed and old: names, dates and issuers mean nothing, its key alone does. No session is
        // ever offered for resumption: a resumed connection shows no certificate.
        rejectUnauthorized: false,
        minVersion: "TLSv1.2",
        ...(isIP(host) === 0 && { servername: host }),
      });
      const stop = () => socket.destroy(new Error("the request was cancelled"));
      const late = setTimeout(() => socket.destroy(new Error("connecting took too long")), CONNECT_LIMIT);
      signal?.addEventListener("abort", stop, { once: true });
      const settle = () => {
        clearTimeout(late);
        signal?.removeEventListener("abort", stop);
        socket.off("error", fail);
        socket.off("close", close);
      };
      const fail = (error: Error) => {
        settle();
        // A socket that fails while it is torn down must not bring the process down.
        socket.on("error", () => undefined);
        socket.destroy();
        reject(error);
      };
      const close = () => fail(new Error("the connection was closed during the TLS handshake"));
      socket.once("error", fail);
      socket.once("close", close);
      socket.once("secureConnect", () => {
        const certificate = socket.getPeerX509Certificate();
        if (certificate === undefined || tlsIdOf(certificate) !== tlsId) {
          return fail(new StreamFailure("wrong-key", "its TLS key is not the one that its NURL names"));
        }
        settle();
        resolve(socket);
      });
    });
  }
}
