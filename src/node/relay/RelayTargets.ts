import type { OnReadOpts, Socket } from "node:net";

/** The servers to which a relay leads, by TLS id. */
export interface RelayTargets {
  has(tlsId: string): boolean;
  /** Those that could not be reached when it was last tried. */
  readonly away: readonly string[];
  /**
   * A TCP connection to one that it has; it is paused.
   * @param onread gets what is read, in place of "data" events
   * @throws Error whose `code` says what was in the way, or the signal's reason
   */
  connect(tlsId: string, signal: AbortSignal, onread?: OnReadOpts): Promise<Socket>;
}
