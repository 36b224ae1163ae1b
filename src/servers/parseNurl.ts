import { GridError } from "../base/GridError.ts";

/** Where a storage server is and what opens it. */
export interface Nurl {
  /** SHA-256 of the SubjectPublicKeyInfo (DER) of the server's certificate: base64url without padding, 43 characters. */
  readonly tlsId: string;
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  /** Secret. A grid's configuration may keep it elsewhere. */
  readonly swissnum?: string;
}

const NURL =
  /^pb:\/\/(?<tlsId>[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])@(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>[0-9]{1,5})\/(?<swissnum>[A-Za-z0-9._~-]*)#v=1$/;

/**
 * Reads a NURL, `pb://<tls id>@<host>:<port>/<swissnum>#v=1`; the swissnum may be left out.
 *
 * @throws GridError BAD_CONFIG that tells the form and nothing of the text, which is secret
 */
export function parseNurl(text: string): Nurl {
  const { tlsId, ipv6, name, port, swissnum } = NURL.exec(text)?.groups ?? {};
  const host = ipv6 ?? name;
  const number = Number(port);
  if (tlsId === undefined || host === undefined || swissnum === undefined || number < 1 || number > 65535) {
    const reason = "a NURL must have the form pb://<43 characters of tls id>@<host>:<port>/<swissnum>#v=1";
    throw new GridError("BAD_CONFIG", { reason }, `The server's address cannot be used: ${reason}.`);
  }
  return { tlsId, host, port: number, ...(swissnum !== "" && { swissnum }) };
}

/** The 32 bytes of a NURL's TLS id, which is base64url without padding. */
export function decodeTlsId(tlsId: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(tlsId.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
