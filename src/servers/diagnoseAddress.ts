import type { Finding } from "../base/GridCheck.ts";
import { isGridError, type UnreachableWhy } from "../base/GridError.ts";
import { addressSpaceOf } from "./addressSpace.ts";
import { checkFinding } from "./checkFinding.ts";
import { keptBack, type PermissionOf, spaceFrom } from "./localNetwork.ts";
import { probeByFetch } from "./probeByFetch.ts";
import { type Address, gatewayOf } from "./serversFromConfig.ts";

/** What of a browser may keep a request back. */
export interface BrowserSide {
  /** Of the page or worker; undefined outside browsers, where errors say more. */
  readonly origin: string | undefined;
  readonly permissionOf: PermissionOf;
}

/**
 * Why a request by this address failed before a reply came.
 *
 * @throws what is not GridError SERVER_UNREACHABLE; the signal's reason
 */
export async function diagnoseAddress(
  error: unknown,
  address: Address,
  platform: BrowserSide,
  signal: AbortSignal,
): Promise<Finding> {
  const { origin } = platform;
  if (!isGridError(error, "SERVER_UNREACHABLE")) throw error;
  const { why, reason } = error.details;
  const gateway = gatewayOf(address);
  if (origin !== undefined && gateway !== undefined && isMixedContent(gateway, origin)) {
    const [way, scheme] = "url" in address ? ["proxy", "https"] : ["relay", "wss"];
    return checkFinding("mixed-content", `This page was loaded by https, and the ${way}'s address is not ${scheme}.`);
  }
  if (why !== undefined && why !== "relay-away") return fromTransport(why, reason);
  const local = await diagnoseLocalNetwork(address, platform);
  if (local !== undefined) return local;
  if (origin === undefined) {
    if (why === "relay-away")
      return checkFinding("relay-unreachable", `No WebSocket was made with the relay: ${reason}.`);
    return fromSystem(reason);
  }
  if ("url" in address) return diagnoseUrl(address.url, origin, signal);
  if (why === "relay-away" && address.relay !== undefined) return diagnoseRelay(address.relay, origin, signal);
  return checkFinding("unreachable", `The server cannot be reached: ${reason}.`);
}

/** Is it the browser that keeps the page from this address? Undefined where that is not known. */
export async function diagnoseLocalNetwork(
  address: Address,
  { origin, permissionOf }: BrowserSide,
): Promise<Finding | undefined> {
  const gateway = gatewayOf(address);
  if (origin === undefined || gateway === undefined) return undefined;
  const url = new URL(gateway);
  const state = await keptBack(url, origin, permissionOf);
  if (state === undefined) return undefined;
  const what = spaceFrom(url, origin) === "loopback" ? "servers on this device" : "servers in the local network";
  const why = state === "denied" ? "that was refused" : "nobody has allowed that yet";
  return checkFinding("local-network", `The browser keeps this page from ${what}: ${why}.`);
}

/** Pages of the machine's own addresses are as good as https (W3C Secure Contexts, section 3.1). */
function isMixedContent(target: string, origin: string): boolean {
  if (!origin.startsWith("https:")) return false;
  const { protocol, hostname } = new URL(target);
  return (protocol === "http:" || protocol === "ws:") && addressSpaceOf(hostname) !== "loopback";
}

/** What Node says of a connection, which is more than a browser does. */
function fromSystem(reason: string): Finding {
  return /CERT|VERIFY_LEAF/.test(reason)
    ? checkFinding("unreachable", `Something answers, and its certificate is not accepted: ${reason}.`, BAD_CERTIFICATE)
    : checkFinding("unreachable", `Nothing answers: ${reason}.`, NOTHING_THERE);
}

const BAD_CERTIFICATE =
  "Let what is there show a certificate that browsers accept, for this very name. One by an authority of your own is accepted here with the environment variable NODE_EXTRA_CA_CERTS.";
const NOTHING_THERE = "See whether the server or proxy runs, and whether name and port are right.";

function fromTransport(why: Exclude<UnreachableWhy, "relay-away">, reason: string): Finding {
  switch (why) {
    case "relay-origin":
      return checkFinding("relay-origin", "The relay does not serve pages of this origin.");
    case "relay-token":
      return checkFinding("relay-token", "The relay does not know this server.");
    case "relay-busy":
      return checkFinding("relay-busy", "The relay has too many connections.");
    case "server-away":
      return checkFinding("server-away", "The relay works, and could not connect to the server.");
    case "no-module":
      return checkFinding("no-module", "The TLS module that servers behind a relay need could not be loaded.");
    case "wrong-key":
      return checkFinding("wrong-key", "What answers has another key than the one that the NURL names.");
    case "impostor":
      return checkFinding("impostor", `What answers does not prove to be the server: ${reason}.`);
    case "not-tls":
    case "not-http":
      return checkFinding("not-a-storage-server", `What answers is no storage server: ${reason}.`);
    case "broke-off":
    case "replaced":
      return checkFinding("broke-off", "The connection ended before there was an answer.");
  }
}

/** Browsers keep to themselves why a `fetch` failed. What they let through without being asked to show it says more. */
async function diagnoseUrl(url: string, origin: string, signal: AbortSignal): Promise<Finding> {
  const probe = await probeByFetch(`${url.replace(/\/+$/, "")}/storage/v1/version`, signal);
  const isOwnOrigin = new URL(url).origin === origin;
  if (probe.kind === "silent")
    return checkFinding("unreachable", "Nothing answers, or nothing that the browser accepts.");
  if (probe.kind === "opaque")
    return checkFinding("cors", "Something answers, and does not allow this page to read it.");
  if (probe.isRedirected) return checkFinding("not-a-storage-server", "What answers redirects to another address.");
  if (isOwnOrigin) return checkFinding("broke-off", "It answers, and the connection ended before.");
  // A request without the swissnum needs no permission: one with it does.
  return checkFinding("cors", "Something answers, and does not allow this page to send the header Authorization.");
}

/** A page learns nothing of a WebSocket that was refused; `gridfetch relay` tells it to who asks by HTTP. */
async function diagnoseRelay(relay: string, origin: string, signal: AbortSignal): Promise<Finding> {
  const probe = await probeByFetch(relay.replace(/^ws/, "http"), signal);
  if (probe.kind === "silent") return checkFinding("relay-unreachable", "Nothing answers at the relay's address.");
  if (probe.kind === "readable" && probe.status === 403) {
    return checkFinding("relay-origin", `The relay does not serve pages of ${origin}.`);
  }
  return checkFinding("relay-refused", "Something answers at the relay's address, and did not open a WebSocket.");
}
