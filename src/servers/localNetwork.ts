import { type AddressSpace, addressSpaceOf } from "./addressSpace.ts";

/** What a browser calls the permission to reach into a network; the last is Chromium's until 145, for both. */
const PERMISSIONS: Readonly<Record<AddressSpace, readonly string[]>> = {
  loopback: ["loopback-network", "local-network-access"],
  local: ["local-network", "local-network-access"],
};

/** What the person at the browser has said to a permission; undefined where the browser does not have it. Never rejects. */
export type PermissionOf = (name: string) => Promise<"granted" | "prompt" | "denied" | undefined>;

/**
 * Does the browser keep a page of this origin from a URL, since the person has not allowed it to reach into that network? `"prompt"` is
 * that nobody has been asked yet: a page can, its worker cannot.
 *
 * @returns undefined where it does not, and where it cannot be known
 * @see https://wicg.github.io/local-network-access/
 */
export async function keptBack(
  url: URL,
  origin: string,
  permissionOf: PermissionOf,
): Promise<"prompt" | "denied" | undefined> {
  const space = spaceFrom(url, origin);
  if (space === undefined) return undefined;
  for (const name of PERMISSIONS[space]) {
    const state = await permissionOf(name);
    if (state !== undefined) return state === "granted" ? undefined : state;
  }
  return undefined;
}

/** Where a URL is, if that is further in than the page. */
export function spaceFrom(url: URL, origin: string): AddressSpace | undefined {
  const [to, from] = [addressSpaceOf(url.hostname), addressSpaceOf(new URL(origin).hostname)];
  return from === "loopback" || from === to ? undefined : to;
}

/** What a page has to do with networks that the browser guards. */
export interface LocalNetwork {
  /** Whether it is let in; granted where nobody has to be asked. */
  readonly state: "granted" | "prompt" | "denied";
  /** What it is kept from: one URL of each origin. */
  readonly urls: readonly string[];
}

/** The same for all that a page of an origin is to reach. */
export async function localNetworkOf(
  urls: readonly URL[],
  origin: string,
  permissionOf: PermissionOf,
): Promise<LocalNetwork> {
  const kept: { readonly href: string; readonly state: "prompt" | "denied" }[] = [];
  for (const url of new Map(urls.map((each) => [each.origin, each])).values()) {
    const state = await keptBack(url, origin, permissionOf);
    if (state !== undefined) kept.push({ href: url.href, state });
  }
  const isOpen = kept.some(({ state }) => state === "prompt");
  return { state: isOpen ? "prompt" : (kept[0]?.state ?? "granted"), urls: kept.map(({ href }) => href) };
}
