/** Networks that browsers ask the person about before a page from outside may reach into them. */
export type AddressSpace = "loopback" | "local";

const IPV4_LOCAL =
  /^(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

/**
 * Which of them a URL's host is in by its looks; undefined for all that may be anywhere: of a name only its address would tell.
 *
 * @param hostname as `URL` has it: lower-case, IPv4 addresses in four numbers, IPv6 in brackets
 * @see https://wicg.github.io/local-network-access/#ip-address-space-section
 */
export function addressSpaceOf(hostname: string): AddressSpace | undefined {
  if (/^(?:127(?:\.\d+){3}|\[::1\]|(?:.+\.)?localhost)$/.test(hostname)) return "loopback";
  const isIpv4 = /^\d+(?:\.\d+){3}$/.test(hostname);
  if (isIpv4 ? IPV4_LOCAL.test(hostname) : /^\[(?:f[cd]|fe[89ab])|\.local$/.test(hostname)) return "local";
  return undefined;
}
