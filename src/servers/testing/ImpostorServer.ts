import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { type ByteStream, StreamFailure } from "../ByteStream.ts";
import { expandLabel, hmac, nextSecret, RecordKeys, recordHeader, sha256 } from "./TlsKeys.ts";
import { v1Certificate } from "./v1Certificate.ts";

const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const RSA_PSS_SHA256 = 0x0804;
const RSA_PKCS1_SHA256 = 0x0401;

/** How far the server keeps to TLS 1.3; by default it does in all. */
export interface Imposture {
  /** PEM. The certificate shown is that of this key … */
  readonly shownKey: string;
  /** … and CertificateVerify is signed with this one. */
  readonly signingKey: string;
  /** "none": no Certificate message; "empty": one without a certificate; or these bytes in place of one. */
  readonly certificate?: "none" | "empty" | Uint8Array;
  /** "none": no CertificateVerify; "other": the signature of another handshake; "pkcs1": a scheme that TLS 1.3 forbids. */
  readonly verify?: "none" | "other" | "pkcs1";
  readonly finished?: "wrong";
  /** Ends the connection before this many messages after ServerHello; 0: in place of ServerHello. */
  readonly endsBefore?: number;
  /** What ServerHello says. */
  readonly hello?: "tls12" | "aes" | "resumed";
  /** Sent in place of all else. */
  readonly garbage?: Uint8Array;
  /** Answers to nothing. */
  readonly silent?: boolean;
  /** Called when the client has sent something that is meant for the server behind TLS. */
  readonly heardRequest?: () => void;
}

/**
 * Speaks the server's side of TLS 1.3 (RFC 8446) over a stream as far as an impostor would, with its own key exchange, so that
 * it can read all that the client sends to it. It is in the place of a relay that hopes for a swissnum.
 */
export class ImpostorServer {
  /** What the client sent after its ClientHello: the true types of its records, and their contents. */
  readonly heard: { readonly type: number; readonly contents: Buffer }[] = [];
  /** Records that no key opened. */
  unread = 0;
  readonly #stream: ByteStream;
  readonly #imposture: Imposture;
  #left: Buffer = Buffer.alloc(0);
  #transcript: Buffer = Buffer.alloc(0);
  #keys: RecordKeys[] = [];

  constructor(stream: ByteStream, imposture: Imposture) {
    this.#stream = stream;
    this.#imposture = imposture;
  }

  /** Plaintext of the client's requests. */
  get requests(): string {
    return Buffer.concat(
      this.heard.filter(({ type }) => type === APPLICATION_DATA).map(({ contents }) => contents),
    ).toString();
  }

  /** Plays its part, then listens until the client has gone. */
  async run(): Promise<void> {
    try {
      const hello = await this.#record();
      if (hello === undefined) return;
      await this.#answer(hello.subarray(5));
      for (;;) {
        const record = await this.#record();
        if (record === undefined) return;
        this.#hear(record);
      }
    } catch (error) {
      if (!(error instanceof StreamFailure)) throw error;
    }
  }

  async #answer(clientHello: Buffer): Promise<void> {
    const { garbage, silent, hello, endsBefore } = this.#imposture;
    if (silent) return;
    if (garbage !== undefined) {
      await this.#write(garbage);
      this.#stream.close();
      return;
    }
    if (endsBefore === 0) return this.#stream.close();
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    this.#transcript = clientHello;
    const serverHello = makeServerHello(clientHello, rawKey(publicKey), hello);
    await this.#write(Buffer.concat([recordHeader(HANDSHAKE, serverHello.length), serverHello]));
    if (hello === "tls12") return;
    this.#transcript = Buffer.concat([clientHello, serverHello]);
    const shared = diffieHellman({ privateKey, publicKey: publicX25519(clientKeyShare(clientHello)) });
    const secret = nextSecret(nextSecret(undefined, Buffer.alloc(32)), shared);
    const master = nextSecret(secret, Buffer.alloc(32));
    const serverSecret = expandLabel(secret, "s hs traffic", sha256(this.#transcript), 32);
    const clientSecret = expandLabel(secret, "c hs traffic", sha256(this.#transcript), 32);
    this.#keys = [new RecordKeys(clientSecret)];
    const sealed = new RecordKeys(serverSecret);
    const steps = [
      () => message(8, Buffer.from([0, 0])),
      () => this.#certificate(),
      () => this.#certificateVerify(),
      () => this.#finished(serverSecret),
    ];
    for (const [index, step] of steps.entries()) {
      if (endsBefore === index + 1) return this.#stream.close();
      const bytes = step();
      if (bytes === undefined) continue;
      this.#transcript = Buffer.concat([this.#transcript, bytes]);
      await this.#write(sealed.seal(HANDSHAKE, bytes));
    }
    this.#keys.push(new RecordKeys(expandLabel(master, "c ap traffic", sha256(this.#transcript), 32)));
  }

  #certificate(): Buffer | undefined {
    const { certificate, shownKey } = this.#imposture;
    if (certificate === "none") return undefined;
    if (certificate === "empty") return message(11, Buffer.from([0, 0, 0, 0]));
    const shown = certificate ?? v1Certificate(shownKey);
    const entry = Buffer.concat([uint24(shown.length), shown, Buffer.from([0, 0])]);
    return message(11, Buffer.concat([Buffer.from([0]), uint24(entry.length), entry]));
  }

  #certificateVerify(): Buffer | undefined {
    const { verify, signingKey, certificate } = this.#imposture;
    if (verify === "none" || certificate === "none") return undefined;
    const transcript = verify === "other" ? sha256(randomBytes(32)) : sha256(this.#transcript);
    const words = Buffer.from("TLS 1.3, server CertificateVerify\0");
    const signed = Buffer.concat([Buffer.alloc(64, 0x20), words, transcript]);
    const isPss = verify !== "pkcs1";
    const padding = isPss
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { padding: constants.RSA_PKCS1_PADDING };
    const signature = sign("sha256", signed, { key: signingKey, ...padding });
    const scheme = isPss ? RSA_PSS_SHA256 : RSA_PKCS1_SHA256;
    return message(15, Buffer.concat([uint16(scheme), uint16(signature.length), signature]));
  }

  #finished(serverSecret: Buffer): Buffer {
    const proof = hmac(expandLabel(serverSecret, "finished", Buffer.alloc(0), 32), sha256(this.#transcript));
    if (this.#imposture.finished === "wrong") proof[0]! ^= 1;
    return message(20, proof);
  }

  #hear(record: Buffer): void {
    const type = record[0]!;
    if (type !== APPLICATION_DATA) {
      this.heard.push({ type, contents: record.subarray(5) });
      return;
    }
    for (const keys of this.#keys) {
      const opened = keys.open(record);
      if (opened !== undefined) {
        this.heard.push(opened);
        if (opened.type === APPLICATION_DATA) this.#imposture.heardRequest?.();
        return;
      }
    }
    this.unread++;
  }

  /** The client's next record, or undefined at the end. */
  async #record(): Promise<Buffer | undefined> {
    for (;;) {
      const length = this.#left.length < 5 ? Number.POSITIVE_INFINITY : 5 + this.#left.readUInt16BE(3);
      if (this.#left.length >= length) {
        const record = this.#left.subarray(0, length);
        this.#left = this.#left.subarray(length);
        return record;
      }
      const more = await this.#stream.read();
      if (more === undefined) return undefined;
      this.#left = Buffer.concat([this.#left, more]);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#stream.write(new Uint8Array(bytes));
  }
}

function makeServerHello(clientHello: Buffer, keyShare: Buffer, kind: Imposture["hello"]): Buffer {
  const sessionId = clientHello.subarray(39, 39 + clientHello[38]!);
  const suite = kind === "aes" ? 0x1301 : kind === "tls12" ? 0xcca8 : 0x1303;
  const version = extension(43, uint16(0x0304));
  const share = extension(51, Buffer.concat([uint16(0x1d), uint16(keyShare.length), keyShare]));
  const resumed = kind === "resumed" ? [extension(41, uint16(0))] : [];
  const extensions = kind === "tls12" ? Buffer.alloc(0) : Buffer.concat([version, share, ...resumed]);
  return message(
    2,
    Buffer.concat([
      ...[uint16(0x0303), randomBytes(32), Buffer.from([sessionId.length]), sessionId, uint16(suite), Buffer.from([0])],
      ...[uint16(extensions.length), extensions],
    ]),
  );
}

/** The X25519 key that the client offers. */
function clientKeyShare(clientHello: Buffer): Buffer {
  let at = 39 + clientHello[38]!;
  at += 2 + clientHello.readUInt16BE(at);
  at += 1 + clientHello[at]!;
  const end = at + 2 + clientHello.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + clientHello.readUInt16BE(at + 2)) {
    if (clientHello.readUInt16BE(at) !== 51) continue;
    for (let share = at + 6; share < end; share += 4 + clientHello.readUInt16BE(share + 2)) {
      if (clientHello.readUInt16BE(share) === 0x1d) return clientHello.subarray(share + 4, share + 36);
    }
  }
  throw new Error("the client offers no X25519 key");
}

function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}

function publicX25519(raw: Buffer): KeyObject {
  return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: raw.toString("base64url") } });
}

function message(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), uint24(body.length), body]);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([uint16(type), uint16(body.length), body]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function uint24(value: number): Buffer {
  return Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
}
