import { sha256 } from "@noble/hashes/sha2.js";
import { utf8 } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/Clock.ts";
import { GridError } from "../base/GridError.ts";
import type { AddressConfig, GridConfig, ServerConfig, ServerSecrets } from "../base/gridConfig.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { FallbackTransport } from "./FallbackTransport.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { httpServer, serverName } from "./httpServer.ts";
import { type Nurl, parseNurl } from "./parseNurl.ts";
import type { Server } from "./Server.ts";

/** A way to a server. */
export type Address =
  | { readonly url: string }
  | { readonly nurl: Nurl /** The relay's WebSocket. */; readonly relay?: string };

/**
 * How this platform reaches a server by one of its addresses, or undefined where it cannot use such an address.
 * @param name of the server, for errors
 */
export type MakeTransport = (address: Address, name: string) => HttpTransport | undefined;

/**
 * The servers of a grid.
 *
 * @param secrets swissnums that the page gives; they come before those of the document
 */
export function serversFromConfig(
  config: GridConfig,
  makeTransport: MakeTransport,
  secrets: ServerSecrets = {},
  timing: Timing = { clock: systemClock, limits: defaultLimits },
): Server[] {
  return config.servers.map((entry) => serverFromConfig(entry, makeTransport, secrets, timing));
}

/** By which clock, and with which limits, a server's addresses are tried. */
export interface Timing {
  readonly clock: Clock;
  readonly limits: Limits;
}

/** One server of a grid; the parameters are those of `serversFromConfig`. */
export function serverFromConfig(
  entry: ServerConfig,
  makeTransport: MakeTransport,
  secrets: ServerSecrets,
  timing: Timing,
): Server {
  const { id, nickname, "permutation-seed-base32": permutationSeed } = entry;
  const identity = { id, nickname, permutationSeed };
  const transport = transportTo(entry, makeTransport, timing);
  const swissnum = swissnumOf(entry, secrets);
  return { ...httpServer(identity, transport, swissnum), place: placeOf(entry), openRoot: openRootOf(entry, swissnum) };
}

/** By all of a server's addresses: by the next one where one fails. */
export function transportTo(entry: ServerConfig, makeTransport: MakeTransport, timing: Timing): HttpTransport {
  const name = serverName(entry);
  const transports = addressesOf(entry)
    .map((address) => makeTransport(address, name))
    .filter((transport) => transport !== undefined);
  return oneOf(transports, name, timing);
}

function placeOf(entry: ServerConfig): string {
  const addresses = addressesOf(entry).map((address) => {
    if ("url" in address) return [address.url];
    const { tlsId, host, port } = address.nurl;
    return [tlsId, host, port, address.relay];
  });
  return encodeBase32(sha256(utf8(JSON.stringify([entry.id, addresses]))));
}

/** The best address, if it takes neither a secret nor a relay. */
function openRootOf({ addresses: [best] }: ServerConfig, swissnum: string | undefined): string | undefined {
  return swissnum === undefined && best !== undefined && "url" in best ? best.url : undefined;
}

function oneOf(transports: readonly HttpTransport[], name: string, { clock, limits }: Timing): HttpTransport {
  if (transports.length > 1) return new FallbackTransport(transports, name, clock, limits);
  return transports[0] ?? unusableTransport(name);
}

/**
 * A server with no address that this platform can use, a browser and a NURL without a relay say. The grid is the better
 * for knowing that there is such a server: it may be what a read lacks.
 *
 * @param name of the server, for errors
 */
function unusableTransport(name: string): HttpTransport {
  const reason = "it has no address that can be used here. A browser needs a url, or a relay beside the nurl";
  return {
    async request() {
      throw new GridError("SERVER_UNREACHABLE", { server: name, reason }, `Server ${name} cannot be asked: ${reason}.`);
    },
  };
}

export function addressesOf({ addresses }: ServerConfig): Address[] {
  return addresses.map((address) => ("url" in address ? address : { ...address, nurl: parseNurl(address.nurl) }));
}

/** What a browser itself connects to, to reach a server by an address: itself or its proxy, or its relay. */
export function gatewayOf(address: Address | AddressConfig): string | undefined {
  return "url" in address ? address.url : address.relay;
}

/** Those of all addresses of a server, as https or http. */
export function gatewaysOf({ addresses }: ServerConfig): URL[] {
  const urls = addresses.map(gatewayOf);
  return urls.filter((url) => url !== undefined).map((url) => new URL(url.replace(/^ws/, "http")));
}

/** Secret. Undefined for a server that is asked without one. */
export function swissnumOf(entry: ServerConfig, secrets: ServerSecrets): string | undefined {
  if (Object.hasOwn(secrets, entry.id)) return secrets[entry.id];
  const inNurls = addressesOf(entry).map((address) => ("nurl" in address ? address.nurl.swissnum : undefined));
  return entry.swissnum ?? inNurls.find((swissnum) => swissnum !== undefined);
}
