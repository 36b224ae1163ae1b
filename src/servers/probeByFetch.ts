/** What `fetch` tells of a URL beyond a failure that has no reason. */
export type Probe =
  /** It answers, and the page may see it. */
  | { readonly kind: "readable"; readonly status: number; readonly isRedirected: boolean }
  /** It answers, and the page may not see what. */
  | { readonly kind: "opaque" }
  | { readonly kind: "silent" };

/** Never rejects but with the signal's reason. No secret is sent. */
export async function probeByFetch(url: string, signal: AbortSignal): Promise<Probe> {
  try {
    const { status, redirected } = await fetch(url, { ...POLICY, mode: "cors", signal });
    return { kind: "readable", status, isRedirected: redirected };
  } catch {
    signal.throwIfAborted();
  }
  try {
    // Without CORS a browser still resolves with an empty response, where there is one at all.
    await fetch(url, { ...POLICY, mode: "no-cors", signal });
    return { kind: "opaque" };
  } catch {
    signal.throwIfAborted();
    return { kind: "silent" };
  }
}

const POLICY = { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" } as const;
