/** What each error code carries. Nothing here may hold a cap, a key or a swissnum. */
export interface GridErrorDetails {
  /** The text is not a cap, or breaks a rule of its kind. */
  BAD_CAP: { reason: string };
  /** A well-formed cap of a kind that cannot be read here. */
  UNSUPPORTED_CAP: { kind: string };
  /** An offset or a length is negative, not an integer, or beyond 2^53-1. */
  BAD_RANGE: { reason: string };
  /** Bytes from a server do not have the shape they must have. */
  BAD_FORMAT: { what: string; reason: string };
  /** Bytes from a server do not hash to what the cap promises. */
  BAD_HASH: { what: string };
  /** A server does not hold bytes that its share needs. */
  DATA_UNAVAILABLE: { offset: number; length: number };
  /** A server could not be reached, broke off, or was silent for too long. */
  SERVER_UNREACHABLE: { server: string; reason: string; why?: UnreachableWhy };
  /** A server answered, but not with what was asked for. */
  SERVER_REFUSED: { server: string; status: number; reason: string };
  /** Fewer than k distinct shares can be had. `found`: distinct share numbers that servers offered. */
  NOT_ENOUGH_SHARES: { needed: number; found: number; servers: ServerOutcome[] };
  /** Of a mutable file, no version has enough shares. `versions` in words. */
  NO_VERSION: { versions: string[]; servers: ServerOutcome[] };
  /** A mutable file was overwritten while it was being read, again and again or after its first bytes. */
  FILE_CHANGED: Record<never, never>;
  /** A directory has no such child. */
  NO_CHILD: { depth: number };
  /** k shares were proven good, and yet the segment made from them is not the uploader's: the file is broken. */
  BAD_SEGMENT: { segment: number; storageIndexPrefix: string };
  /** The file's own numbers (segment size, say) are beyond what is accepted here. */
  TOO_LARGE: { what: string; value: number; limit: number };
  /** An opaque URL that stands for nothing in this browser profile: forgotten, revoked, or never made here. */
  UNKNOWN_HANDLE: Record<never, never>;
  /** A grid URL that does not say what is wanted. */
  BAD_URL: { reason: string };
  /** The browser has no network, and what was asked for needs one. */
  OFFLINE: Record<never, never>;
  /** An argument is not what the function takes: of another type, a URL that `grid.url` did not make, an id that is none. */
  BAD_ARGUMENT: { argument: string; reason: string };
  /** An answer did not come within its time. */
  TIMED_OUT: { what: string; ms: number };
  /** No Service Worker can serve this page. */
  NO_WORKER: { reason: "unsupported" | "insecure" | "scope" | "registration" | "timeout" | "version" | "lost" };
  /** The grid's configuration is missing or wrong; or, where `isAway`, it could not be asked for: offline, say. */
  BAD_CONFIG: { reason: string; isAway?: true };
  /** Something could not be stored on the grid. */
  UPLOAD_FAILED: { reason: string };
  /** Something that the browser's storage is needed for was asked while that cannot be used. */
  STORE_UNAVAILABLE: { store: string; reason: string };
  /** The browser's storage has no room left. */
  STORE_FULL: { store: string };
  /** A defect in gridfetch itself. */
  INTERNAL: { reason: string };
}

/** What stood between a client and a server, for programs; only where the way to the server tells. */
export type UnreachableWhy =
  /** The relay is away, or it refused the connection before a WebSocket was made: a browser tells no more. */
  | "relay-away"
  /** The relay does not serve pages of this origin. */
  | "relay-origin"
  /** The relay does not know the server. */
  | "relay-token"
  /** The relay has too many connections. */
  | "relay-busy"
  /** The relay could not connect to the server. */
  | "server-away"
  /** The connection ended in the middle. */
  | "broke-off"
  /** The connection to the relay said nothing, and another that does has taken its place. */
  | "replaced"
  /** This side cannot speak TLS: its WebAssembly module is missing, or a policy forbids it. */
  | "no-module"
  /** Another key than the pinned one. */
  | "wrong-key"
  /** It shows a certificate and cannot prove that it owns its key, or shows none. */
  | "impostor"
  /** It does not speak TLS 1.3 as it must. */
  | "not-tls"
  /** What came is not HTTP/1.1 as it must be. */
  | "not-http";

/** What became of one server's part in a read. */
export interface ServerOutcome {
  /** The server's nickname or the first characters of its id. */
  server: string;
  /** In words: "no share", "overdue", "share 3: block 7 failed its hash", "HTTP 500", … */
  outcome: string;
}

/** What went wrong, in a word for programs. */
export type GridErrorCode = keyof GridErrorDetails;

/**
 * The one error class of gridfetch. `code` says what happened, `details` with which figures, `message` what was
 * tried and what to do about it. Cancellation is not one of these: it is the signal's own reason.
 */
export class GridError<C extends GridErrorCode = GridErrorCode> extends Error {
  override readonly name = "GridError";
  readonly code: C;
  readonly details: GridErrorDetails[C];

  constructor(code: C, details: GridErrorDetails[C], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Could less be had than it takes to read an object: of its shares, or of any version? */
export function isTooLittle(error: unknown): error is GridError<"NOT_ENOUGH_SHARES"> | GridError<"NO_VERSION"> {
  return isGridError(error, "NOT_ENOUGH_SHARES") || isGridError(error, "NO_VERSION");
}

/** Does it say that a server is gone, or will not give what was asked for, whatever is known of that? */
export function isServersOwn(error: unknown): error is GridError<"SERVER_UNREACHABLE"> | GridError<"SERVER_REFUSED"> {
  return isGridError(error, "SERVER_UNREACHABLE") || isGridError(error, "SERVER_REFUSED");
}

/** Is `error` a GridError, of this code if one is given? By its name: a worker's scripts have a class each. */
export function isGridError<C extends GridErrorCode>(error: unknown, code?: C): error is GridError<C> {
  return (
    error instanceof Error && error.name === "GridError" && (code === undefined || (error as GridError).code === code)
  );
}
