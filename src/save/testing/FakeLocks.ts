type Work = (lock: { name: string }) => Promise<unknown>;

/** Web Locks, which Node 20 does not have: exclusive ones, in the order of asking. */
export class FakeLocks {
  readonly #lines = new Map<string, Promise<unknown>>();

  get manager(): LockManager {
    return this as unknown as LockManager;
  }

  request(name: string, { signal }: { signal: AbortSignal }, work: Work): Promise<unknown> {
    const before = this.#lines.get(name) ?? Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = () => reject(signal.reason);
      signal.addEventListener("abort", leave);
      const own = before.then(async () => {
        if (signal.aborted) return leave();
        // One that was granted is not called off any more.
        signal.removeEventListener("abort", leave);
        await work({ name }).then(resolve, reject);
      });
      this.#lines.set(name, own);
    });
  }
}
