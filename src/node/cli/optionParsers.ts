import { InvalidArgumentError } from "commander";
import { isGridError } from "../../base/GridError.ts";
import { type DialOption, parseDialOption } from "../grid/Dials.ts";
import type { ListenAddress } from "../relay/MonitorEndpoint.ts";

/** A parser for a whole number from `least` to `most`, both included. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

/** A size on disk in bytes, written as nginx does: a whole number of megabytes or gigabytes. */
export function sizeOption(text: string): number {
  const [, number, unit = ""] = /^([1-9]\d{0,6})([mg])$/i.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (unit.toLowerCase() === "g" ? 2 ** 30 : 2 ** 20);
  throw new InvalidArgumentError("It must be a number of megabytes or gigabytes, as in 500m or 10g.");
}

/** `<first>-<last>` or `<first>-`. */
export interface RangeOption {
  readonly first: number;
  /** Included; none means to the end. */
  readonly last?: number;
}

/** What `--range` says, both ends included and counted from 0. */
export function rangeOption(text: string): RangeOption {
  const [, first = "", last = ""] = /^(\d{1,15})-(\d{0,15})$/.exec(text) ?? [];
  if (first === "") throw new InvalidArgumentError("It must have the form <first>-<last> or <first>-.");
  if (last === "") return { first: Number(first) };
  if (Number(last) < Number(first)) throw new InvalidArgumentError("It ends before it starts.");
  return { first: Number(first), last: Number(last) };
}

/** The origin of an app as browsers write it; may be given several times. */
export function originOption(text: string, before: readonly string[] = []): string[] {
  const isHttp = /^https?:\/\//.test(text) && URL.canParse(text);
  if (isHttp && new URL(text).origin === text) return [...before, text];
  const hint = isHttp ? ` Did you mean ${new URL(text).origin}?` : "";
  throw new InvalidArgumentError(`It must be an origin as browsers write it, as in https://app.example:8443.${hint}`);
}

/** A URL without user, password, query or fragment. */
export function urlOption(...protocols: readonly string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url && [url.username, url.password, url.search, url.hash].every((part) => part === "");
    if (isPlain && protocols.includes(url.protocol)) return text;
    const kinds = protocols.map((protocol) => `${protocol}//`).join(" or ");
    throw new InvalidArgumentError(`It must be a ${kinds} URL without user, password, query or fragment.`);
  };
}

export function dialOption(text: string, before: readonly DialOption[]): DialOption[] {
  try {
    return [...before, parseDialOption(text)];
  } catch (error) {
    if (isGridError(error)) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** The path of a URL under which other paths are, as in `/grid-servers/`. */
export function pathOption(text: string): string {
  if (/^\/([\w.~-]+\/)*$/.test(text) && !/\/\.{1,2}\//.test(text)) return text;
  throw new InvalidArgumentError("It must start and end with a slash and be plain, as in /grid-servers/.");
}

/** `<address>:<port>`, an IPv6 address in brackets; a port alone is one of loopback. */
export function listenOption(text: string): ListenAddress {
  const { host = "127.0.0.1", port = "" } =
    /^(?:(?<host>[\w.-]+|\[[\da-f:.]+\]):)?(?<port>\d{1,5})$/i.exec(text)?.groups ?? {};
  if (port === "" || Number(port) > 65_535) {
    throw new InvalidArgumentError("It must be an address and a port, as in 127.0.0.1:9100.");
  }
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

/** A text that may be given several times. */
export function textOption(text: string, before: readonly string[]): string[] {
  return [...before, text];
}
