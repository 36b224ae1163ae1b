import type { X509Certificate } from "node:crypto";
import type { Nurl } from "../../servers/parseNurl.ts";
import { connectPinned } from "../transport/connectPinned.ts";

/**
 * The certificate that a server shows, once it has proven to own its key and that key is the one which the NURL names.
 *
 * @throws Error that says in words what came instead, or the signal's reason
 */
export async function fetchCertificate(nurl: Nurl, signal: AbortSignal): Promise<X509Certificate> {
  try {
    const { socket, certificate } = await connectPinned(nurl, signal);
    socket.destroy();
    return certificate;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && "code" in error) throw new Error(`it could not be connected to (${error.code})`);
    throw error;
  }
}
