import { createConnection as connectTcp, type NetConnectOpts, type Socket as TcpSocket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { systemClock } from "../../base/Clock.ts";
import { type Connect, StreamFailure } from "../../servers/ByteStream.ts";
import { socketStream } from "../../servers/socketStream.ts";

/** More than any TLS record, and what a relay reads at once. */
const LONGEST_MESSAGE = 8 * 1024 * 1024;

/**
 * Bytes over a WebSocket, from Node. Unlike a browser this can make the relay wait, and see why it refused.
 *
 * @param origin for the relay's Origin check, if the relay has one
 */
export function nodeSocketStream(origin?: string): Connect {
  return async (url, signal, protocols) => {
    signal.throwIfAborted();
    let status: number | undefined;
    let code: string | undefined;
    let tcp: TcpSocket | undefined;
    const socket = new WebSocket(url, [...protocols], {
      perMessageDeflate: false,
      maxPayload: LONGEST_MESSAGE,
      createConnection: ((options: NetConnectOpts) => {
        tcp = url.startsWith("wss:") ? connectTls(options as ConnectionOptions) : connectTcp(options);
        return tcp;
      }) as typeof connectTcp,
      ...(origin !== undefined && { origin }),
    });
    socket.on("unexpected-response", (_, response) => {
      status = response.statusCode;
      socket.terminate();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    return socketStream(socket, systemClock, signal, {
      flow: {
        pause: () => socket.pause(),
        resume: () => socket.resume(),
      },
      rest: (isResting) => (isResting ? tcp?.unref() : tcp?.ref()),
      whyRefused: () => refusal(status, code),
    });
  };
}

function refusal(status: number | undefined, code: string | undefined): StreamFailure | undefined {
  if (status === 403) return new StreamFailure("relay-origin", "the relay refuses this origin (HTTP 403)");
  if (status === 404) return new StreamFailure("relay-token", "the relay does not know this server (HTTP 404)");
  if (status !== undefined) return new StreamFailure("relay-away", `the relay refused the connection (HTTP ${status})`);
  if (code !== undefined) return new StreamFailure("relay-away", `the relay cannot be reached (${code})`);
  return undefined;
}
