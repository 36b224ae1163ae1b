import { once } from "node:events";
import type { Server } from "node:net";

const HOST = "127.0.0.1";

/**
 * Listens on loopback, at `port` if it is free and else at any: which is then told.
 *
 * @param name of the server, for the log
 */
export async function listenOnLoopback(
  server: Server,
  port: number,
  name: string,
  log: (line: string) => void,
): Promise<void> {
  try {
    server.listen(port, HOST);
    await once(server, "listening");
  } catch (error) {
    if (port === 0 || !isTaken(error)) throw error;
    server.listen(0, HOST);
    await once(server, "listening");
    const address = server.address();
    const taken = typeof address === "object" ? address?.port : undefined;
    log(`Port ${port} of ${name} is taken: it has port ${taken} now.`);
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EADDRINUSE" || error.code === "EACCES");
}
