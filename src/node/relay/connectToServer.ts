import { connect, type OnReadOpts, type Socket } from "node:net";
import type { Nurl } from "../../servers/parseNurl.ts";

/** The relay's side of a NURL. */
export type ServerAddress = Pick<Nurl, "host" | "port">;

/**
 * A TCP connection to the first of a server's addresses that takes one. It is paused.
 *
 * @param limit in milliseconds, for each address
 * @param onread gets what is read, in place of "data" events
 * @throws the last address's error, or the signal's reason
 */
export async function connectToServer(
  addresses: readonly ServerAddress[],
  limit: number,
  signal: AbortSignal,
  onread?: OnReadOpts,
): Promise<Socket> {
  let failure: unknown;
  for (const address of addresses) {
    try {
      return await connectTo(address, limit, signal, onread);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function connectTo(
  { host, port }: ServerAddress,
  limit: number,
  signal: AbortSignal,
  onread: OnReadOpts | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port, noDelay: true, ...(onread && { onread }) });
    const stop = () => socket.destroy(signal.reason);
    const late = setTimeout(() => socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), limit);
    const settle = () => {
      clearTimeout(late);
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.pause();
    socket.once("connect", () => {
      settle();
      socket.off("error", fail);
      resolve(socket);
    });
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    socket.once("error", fail);
  });
}
