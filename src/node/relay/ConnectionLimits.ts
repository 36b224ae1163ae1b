import { isIPv4, isIPv6 } from "node:net";

/** Which limit stands in the way of one more connection. */
export type LimitReached = "total" | "address";

/**
 * Counts connections, of one address and in all. No address gets more than what it would leave free: one takes half of all at
 * most, two take a third each, and so on, and for the next that comes there is always a place.
 */
export class ConnectionLimits {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(most: number, mostPerAddress: number) {
    this.#most = most;
    this.#mostPerAddress = mostPerAddress;
  }

  /** Counts one more. The function given back counts it off again; calling it twice does nothing more. */
  enter(address: string): LimitReached | (() => void) {
    const holder = holderOf(address);
    const held = this.#perAddress.get(holder) ?? 0;
    const free = this.#most - this.#total;
    if (free === 0) return "total";
    if (held >= Math.min(this.#mostPerAddress, free)) return "address";
    this.#total++;
    this.#perAddress.set(holder, held + 1);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(holder);
      isIn = false;
    };
  }

  #leave(holder: string): void {
    this.#total--;
    const left = this.#perAddress.get(holder)! - 1;
    if (left === 0) this.#perAddress.delete(holder);
    else this.#perAddress.set(holder, left);
  }
}

/**
 * Whom an address stands for: an IPv4 address itself, in IPv6 the network of its first 64 bits, of which a single household
 * has all addresses (RFC 6177).
 */
export function holderOf(address: string): string {
  const plain = address.replace(/%.*$/, "").toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  // The last group may be an IPv4 address, which stands for two.
  const known = [...groups(head), ...groups(tail)].reduce((sum, group) => sum + (group.includes(".") ? 2 : 1), 0);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - known }, () => "0");
  const network = [...groups(head), ...zeros, ...groups(tail)].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
