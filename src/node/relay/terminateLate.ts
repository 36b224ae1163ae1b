import type { WebSocket } from "ws";

/** Ends a WebSocket that has not closed after so many milliseconds: whoever breaks rules may not answer a close. */
export function terminateLate(client: WebSocket, limit: number): void {
  const late = setTimeout(() => client.terminate(), limit);
  client.once("close", () => clearTimeout(late));
}
