import type { Socket } from "node:net";

/** The servers to which a relay leads, by TLS id. */
export interface RelayTargets {
  has(tlsId: string): boolean;
  /**
   * A TCP connection to one that it has; it is paused.
   * @throws Error whose `code` says what was in the way, or the signal's reason
   */
  connect(tlsId: string, signal: AbortSignal): Promise<Socket>;
}
