import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import type { Nurl } from "../../servers/parseNurl.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";

const LIMIT_MS = 15_000;

/**
 * The certificate that a server shows, once it has proven to own its key and that key is the one which the NURL names.
 *
 * @throws Error that says in words what came instead, or the signal's reason
 */
export function fetchCertificate({ host, port, tlsId }: Nurl, signal: AbortSignal): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({
      host,
      port,
      // Names, dates and issuers mean nothing in these certificates: the key is compared below.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    });
    const settle = () => {
      clearTimeout(late);
      signal.removeEventListener("abort", stop);
      socket.destroy();
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const stop = () => fail(signal.reason);
    const late = setTimeout(() => fail(new Error("it did not answer in time")), LIMIT_MS);
    signal.addEventListener("abort", stop, { once: true });
    socket.on("error", (error) => fail(new Error(`it could not be connected to (${codeOf(error)})`)));
    socket.on("close", () => fail(new Error("it closed the connection during the TLS handshake")));
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || tlsIdOf(certificate) !== tlsId) {
        fail(new Error("its TLS key is not the one that its NURL names"));
      } else {
        settle();
        resolve(certificate);
      }
    });
  });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}
