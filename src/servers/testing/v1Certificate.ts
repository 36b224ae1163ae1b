import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

const RSA_SHA256 = "300d06092a864886f70d01010b0500";

/** A self-signed X.509 v1 certificate (no version field, no extensions), as Tahoe-LAFS storage servers have. DER. */
export function v1Certificate(privateKeyPem: string): Buffer {
  const key = createPrivateKey(privateKeyPem);
  const algorithm = Buffer.from(RSA_SHA256, "hex");
  const commonName = tlv(0x30, Buffer.from("0603550403", "hex"), tlv(0x0c, Buffer.from("newpb_thingy")));
  const name = tlv(0x30, tlv(0x31, commonName));
  const validity = tlv(0x30, tlv(0x17, Buffer.from("200101000000Z")), tlv(0x17, Buffer.from("210101000000Z")));
  const serial = tlv(0x02, Buffer.from([1]));
  const contents = tlv(0x30, serial, algorithm, name, validity, name, publicKeyInfo(privateKeyPem));
  const signature = tlv(0x03, Buffer.from([0]), sign("sha256", contents, key));
  return tlv(0x30, contents, algorithm, signature);
}

/** The TLS id of a key: base64url of the SHA-256 of its SubjectPublicKeyInfo. */
export function tlsIdOfKey(privateKeyPem: string): string {
  return createHash("sha256").update(publicKeyInfo(privateKeyPem)).digest("base64url");
}

function publicKeyInfo(privateKeyPem: string): Buffer {
  return createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
}

/** One value of DER. */
function tlv(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), body]);
}
