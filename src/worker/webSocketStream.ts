import { systemClock } from "../base/Clock.ts";
import type { Connect } from "../servers/ByteStream.ts";
import { socketStream } from "../servers/socketStream.ts";

/** Bytes over a WebSocket as browsers have it. */
export const webSocketStream: Connect = async (url, signal) => {
  signal.throwIfAborted();
  return socketStream(new WebSocket(url), systemClock, signal);
};
