import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { StreamFailure } from "../../servers/ByteStream.ts";
import type { Nurl } from "../../servers/parseNurl.ts";
import { answersPlainly } from "./answersPlainly.ts";
import { tlsIdOf } from "./tlsIdOf.ts";

/** A TLS handshake is done or has failed after this. */
const CONNECT_LIMIT = 20_000;
/** What has said nothing for this long is asked whether it speaks TLS at all. */
const SILENCE = 3_000;

/** A connection, and what its server showed: Node gives the certificate once only. */
export interface PinnedConnection {
  readonly socket: TLSSocket;
  readonly certificate: X509Certificate;
}

/**
 * A TLS connection to the server that a NURL names, once the server has proven to own the NURL's key: not a byte can be
 * written before that.
 *
 * @param address where the host is, if that was looked up before
 * @throws StreamFailure for another key, and for what speaks no TLS; what the system says; the signal's reason
 */
export function connectPinned(
  { host, port, tlsId }: Nurl,
  signal?: AbortSignal,
  address = host,
): Promise<PinnedConnection> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect({
      host: address,
      port,
      // The certificate is self-signed and old: names, dates and issuers mean nothing, its key alone does. No session is
      // ever offered for resumption: a resumed connection shows no certificate.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      ...(isIP(host) === 0 && { servername: host }),
    });
    const asking = new AbortController();
    const settle = () => {
      asking.abort();
      clearTimeout(late);
      clearTimeout(silent);
      signal?.removeEventListener("abort", stop);
      socket.off("error", fail);
      socket.off("close", close);
    };
    const fail = (error: unknown) => {
      settle();
      // A socket that fails while it is torn down must not bring the process down.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(isTlsError(error) ? new StreamFailure("not-tls", "it does not speak TLS", { cause: error }) : error);
    };
    const stop = () => fail(signal?.reason);
    const close = () => fail(new StreamFailure("broke-off", "it closed the connection during the TLS handshake"));
    const late = setTimeout(() => fail(new Error("it did not answer in time")), CONNECT_LIMIT);
    // An older connection that is still silent while a newer one is answered: the server is not busy, it knows no TLS.
    const silent = setTimeout(async () => {
      const isPlain = await answersPlainly({ host: address, port }, asking.signal);
      if (isPlain && !asking.signal.aborted) fail(new StreamFailure("not-tls", FOOLSCAP));
    }, SILENCE);
    signal?.addEventListener("abort", stop, { once: true });
    socket.once("error", fail);
    socket.once("close", close);
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || tlsIdOf(certificate) !== tlsId) {
        return fail(new StreamFailure("wrong-key", "its TLS key is not the one that its NURL names"));
      }
      settle();
      resolve({ socket, certificate });
    });
  });
}

const FOOLSCAP = "it speaks no TLS: Foolscap only, as Tahoe-LAFS before 1.19 does, or one with force_foolscap";

/** OpenSSL could make nothing of what came. */
function isTlsError(error: unknown): error is Error {
  const code = error instanceof Error && "code" in error ? `${error.code}` : "";
  return code.startsWith("ERR_SSL_") || code === "EPROTO";
}
