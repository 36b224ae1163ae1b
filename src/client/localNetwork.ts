/**
 * Has the browser ask the person at the page whether it may reach into their device or network, which it does when the page asks for
 * something there; requests of its worker are refused without a question. Resolves when each request is over: what was said, the browser tells.
 *
 * @throws the signal's reason
 */
export async function reachIntoLocalNetwork(urls: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const policy = { mode: "no-cors", cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" } as const;
  await Promise.allSettled(urls.map((url) => fetch(url, { ...policy, ...(signal && { signal }) })));
  signal?.throwIfAborted();
}
