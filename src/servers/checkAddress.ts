import type { Clock } from "../base/Clock.ts";
import type { AddressCheck, Finding } from "../base/GridCheck.ts";
import { withDeadline } from "../base/wait.ts";
import { checkFinding } from "./checkFinding.ts";
import { type BrowserSide, diagnoseAddress, diagnoseLocalNetwork } from "./diagnoseAddress.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { readServerVersion, type VersionReply } from "./readServerVersion.ts";
import type { Address, MakeTransport } from "./serversFromConfig.ts";

/** An address gets this long to answer, and as long again to find out why it does not. */
const TIMEOUT = 10_000;
/** Slower answers than this are worth a word: files start visibly late then. */
const SLOW = 1_500;

/** Where a check runs. */
export interface CheckPlatform extends BrowserSide {
  readonly makeTransport: MakeTransport;
  readonly clock: Clock;
}

/** What a server is asked by. */
export interface CheckTarget {
  /** Of the server, for errors. */
  readonly name: string;
  /** Secret. */
  readonly swissnum: string | undefined;
}

/**
 * Asks a server for its version by one of its addresses: once to see whether that works, and again over the connection
 * that then stands, to see how long an answer takes. Rejects with the signal's reason only, and with defects.
 */
export async function checkAddress(
  address: Address,
  target: CheckTarget,
  platform: CheckPlatform,
  signal: AbortSignal,
): Promise<AddressCheck> {
  const shown = describeAddress(address);
  const transport = platform.makeTransport(address, target.name);
  if (transport === undefined) {
    return failed(shown, checkFinding("unusable", "This address cannot be used from a browser: it has no relay."));
  }
  const first = await ask(transport, address, target, platform, signal);
  if ("finding" in first) return failed(shown, first.finding);
  const wrong = wrongReply(first.reply, address, target);
  if (wrong !== undefined) return failed(shown, wrong);
  const second = await ask(transport, address, target, platform, signal);
  if ("finding" in second) return failed(shown, second.finding);
  const { ms: latency } = second;
  const version = first.reply.kind === "version" ? first.reply.version : undefined;
  return {
    address: shown,
    works: true,
    latency,
    ...(version !== undefined && { version }),
    ...(latency > SLOW && {
      finding: checkFinding("slow", `It works, but an answer takes ${(latency / 1000).toFixed(1)} s.`),
    }),
  };
}

/** For people, without the swissnum. */
function describeAddress(address: Address): string {
  if ("url" in address) return address.url;
  const { host, port } = address.nurl;
  const server = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return address.relay === undefined ? server : `${server} through ${address.relay}`;
}

type Asked = { readonly reply: VersionReply; readonly ms: number } | { readonly finding: Finding };

async function ask(
  transport: HttpTransport,
  address: Address,
  { name, swissnum }: CheckTarget,
  platform: CheckPlatform,
  signal: AbortSignal,
): Promise<Asked> {
  const { clock } = platform;
  const began = clock.now();
  try {
    const reply = await within(clock, signal, (limited) => readServerVersion(transport, name, swissnum, limited));
    return { reply, ms: clock.now() - began };
  } catch (error) {
    signal.throwIfAborted();
    // While a page's question to the person stands open, so do a worker's requests.
    if (error === TIMED_OUT) return { finding: (await diagnoseLocalNetwork(address, platform)) ?? timedOut() };
    return within(clock, signal, async (limited) => ({
      finding: await diagnoseAddress(error, address, platform, limited),
    })).catch((reason: unknown) => {
      if (reason !== TIMED_OUT) throw reason;
      return { finding: timedOut() };
    });
  }
}

const TIMED_OUT = new Error("no answer in time");

/** Rejects with TIMED_OUT when the limit has passed. */
function within<T>(clock: Clock, signal: AbortSignal, work: (limited: AbortSignal) => Promise<T>): Promise<T> {
  return withDeadline(TIMEOUT, clock, () => TIMED_OUT, signal, work);
}

function timedOut(): Finding {
  return checkFinding("timeout", `There was no answer in ${TIMEOUT / 1000} s.`);
}

function wrongReply(reply: VersionReply, address: Address, { swissnum }: CheckTarget): Finding | undefined {
  if (reply.kind === "version") return undefined;
  if (reply.kind === "other") return checkFinding("not-a-storage-server", `Something answers: it ${reply.reason}.`);
  const { status } = reply;
  if (status === 401) {
    const what = swissnum === undefined ? "wants a swissnum, and none is known" : "does not accept the swissnum";
    return checkFinding("wrong-swissnum", `The server ${what} (HTTP 401).`);
  }
  if (status === 403) return checkFinding("forbidden", "The request is forbidden (HTTP 403).");
  if ("url" in address && (status === 502 || status === 503 || status === 504)) {
    return checkFinding("server-away", `The proxy answers that it cannot reach the server (HTTP ${status}).`);
  }
  if (status >= 500) return checkFinding("server-error", `The server answers HTTP ${status}.`);
  return checkFinding(
    "not-a-storage-server",
    `Something answers HTTP ${status} where a storage server tells its version.`,
  );
}

function failed(address: string, why: Finding): AddressCheck {
  return { address, works: false, finding: why };
}
