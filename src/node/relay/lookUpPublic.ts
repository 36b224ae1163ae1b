import { lookup } from "node:dns/promises";
import { BlockList, isIPv6 } from "node:net";

/** IPv4 networks that no host of the internet has: this machine's own, private and shared ones, and those that are no host's. */
const NOT_PUBLIC = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;

/** The same in IPv6, and the ways to write an IPv4 address of which nobody is in need: compatible, translated, Teredo and 6to4. */
const NOT_PUBLIC_V6 = [
  ["::", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const;

const refused = new BlockList();
for (const [network, bits] of NOT_PUBLIC) {
  refused.addSubnet(network, bits, "ipv4");
  // As a gateway from IPv6 to IPv4 has it (RFC 6052). Mapped addresses, `::ffff:…`, a BlockList knows by itself.
  refused.addSubnet(`64:ff9b::${network}`, 96 + bits, "ipv6");
}
for (const [network, bits] of NOT_PUBLIC_V6) refused.addSubnet(network, bits, "ipv6");

/** Is this the address of a host that everybody on the internet could reach? */
export function isPublicAddress(address: string): boolean {
  const [plain = ""] = address.split("%");
  return !refused.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/** Looks up a name, or gives an address as it is. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** By the system's resolver. */
export const lookUp: LookUp = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * The addresses of a host to which a relay may connect for strangers.
 * @throws Error if there are only others, with the `code` PRIVATE_ADDRESS
 */
export async function lookUpPublic(host: string, look: LookUp): Promise<readonly string[]> {
  const addresses = await look(host);
  const open = addresses.filter(isPublicAddress);
  if (open.length > 0) return open;
  const place = addresses[0] === host ? host : `${host} (${addresses[0]})`;
  const message = `${place} is a private, link-local or loopback address: start the relay with --allow-private if it is meant`;
  throw Object.assign(new Error(message), { code: "PRIVATE_ADDRESS" });
}
