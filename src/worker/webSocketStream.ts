import { systemClock } from "../base/Clock.ts";
import { type Connect, StreamFailure } from "../servers/ByteStream.ts";
import { socketStream } from "../servers/socketStream.ts";

/** Bytes over a WebSocket as browsers have it. */
export const webSocketStream: Connect = async (url, signal, protocols) => {
  signal.throwIfAborted();
  return socketStream(openSocket(url, protocols), systemClock, signal);
};

/** A browser that forbids it throws at once: ws from a page that was loaded by https, say. */
function openSocket(url: string, protocols: readonly string[]): WebSocket {
  try {
    return new WebSocket(url, [...protocols]);
  } catch (cause) {
    throw new StreamFailure("relay-away", "the browser forbids a WebSocket to this address", { cause });
  }
}
