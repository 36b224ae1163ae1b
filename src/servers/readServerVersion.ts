import { decodeCbor } from "./cbor.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { mediaType, readBounded } from "./httpBody.ts";
import { StorageService } from "./StorageService.ts";

/** What a server says of itself is some hundred bytes. */
const VERSION_LIMIT = 16 * 1024;
const LONGEST_VERSION = 100;

/** The name under which a storage server tells what its storage protocol can do. */
const PROTOCOL = "http://allmydata.org/tahoe/protocols/storage/v1";

/** What came of asking a server for its version. */
export type VersionReply =
  /** A storage server. `version` is its software in its own words, where it says. */
  | { readonly kind: "version"; readonly version: string | undefined }
  /** Another status than 200. */
  | { readonly kind: "status"; readonly status: number }
  /** A 200 that is not the storage protocol's; `reason` continues "it …". */
  | { readonly kind: "other"; readonly reason: string };

/**
 * Asks a server which software it is: the one question that every storage server answers whatever it holds.
 *
 * @param name of the server, for errors
 * @throws GridError SERVER_UNREACHABLE, or the signal's reason
 */
export async function readServerVersion(
  transport: HttpTransport,
  name: string,
  swissnum: string | undefined,
  signal: AbortSignal,
): Promise<VersionReply> {
  const service = new StorageService(transport, name, swissnum);
  const reply = await service.sendForMessage({ method: "GET", path: "/storage/v1/version", signal });
  // Read in any case: a connection whose body was read can be used again.
  const body = await readBounded(reply, VERSION_LIMIT);
  if (reply.status !== 200) return { kind: "status", status: reply.status };
  const type = mediaType(reply);
  if (type !== "application/cbor") {
    return { kind: "other", reason: type === "none" ? "sends no CBOR" : `sends ${printable(type)} and not CBOR` };
  }
  if (body === undefined) return { kind: "other", reason: "sends more than a version" };
  return parseVersion(body);
}

function parseVersion(body: Uint8Array): VersionReply {
  let message: unknown;
  try {
    // Real servers' keys are texts or bytes.
    message = decodeCbor(body);
  } catch {
    return { kind: "other", reason: "sends CBOR that is damaged" };
  }
  const entries = message instanceof Map ? [...message].map(([key, value]) => [textOf(key), value] as const) : [];
  const fields = new Map<string | undefined, unknown>(entries);
  if (!fields.has(PROTOCOL)) return { kind: "other", reason: "does not name the storage protocol in its version" };
  const version = textOf(fields.get("application-version"));
  return { kind: "version", version: version && printable(version) };
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" ? value : undefined;
}

/** The server's words go before people's eyes. */
function printable(text: string): string {
  return text.slice(0, LONGEST_VERSION).replace(/[^ -~]/g, "?");
}
