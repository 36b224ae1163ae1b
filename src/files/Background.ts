/** Says when work that no reader waits for may go on. */
export interface Background {
  /**
   * Resolves when so many bytes more may be fetched.
   * @throws the signal's reason
   */
  turn(bytes: number, signal: AbortSignal): Promise<void>;
}
