import { createHash, type X509Certificate } from "node:crypto";

/** The name that a NURL gives to a certificate's key: SHA-256 of its SubjectPublicKeyInfo, in base64url. */
export function tlsIdOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64url");
}
