/** The 32 bytes of a NURL's TLS id, which is base64url without padding. */
export function decodeTlsId(tlsId: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(tlsId.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
