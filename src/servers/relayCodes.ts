/**
 * Why a relay closes a WebSocket, or resets a stream of one that carries many. A browser tells a page nothing of an upgrade that was refused, so `gridfetch relay`
 * accepts it and says the reason in the close frame. 4000 to 4999 are for applications (RFC 6455, section 7.4.2); each
 * of these is 4000 and the HTTP status that would have been given. A page of another origin alone is refused before the
 * upgrade: it has no business with what goes on here. To tell that from a relay that is away, a page can `fetch` the
 * relay's URL (http for ws): 426 means that its origin is allowed, 403 that it is not, a failure that no gridfetch relay
 * is there.
 */
export const RELAY_CODES = {
  /** The token is not the TLS id of a server in the relay's list, or there is none. */
  UNKNOWN_SERVER: 4404,
  /** Nothing came either way for too long. */
  IDLE: 4408,
  /** As many connections are open as are allowed, from this address or in all. */
  TOO_MANY: 4429,
  /** The relay could not connect to the server. */
  SERVER_UNREACHABLE: 4502,
  /** The connection to the server broke after it was made. */
  SERVER_BROKE_OFF: 4503,
} as const;

/** What else closes a relay's WebSocket (RFC 6455, section 7.4.1), from `gridfetch relay` or from websockify. */
export const SOCKET_CODES = {
  /** The server has closed its connection; all that it sent came before. */
  SERVER_ENDED: 1000,
  /** The relay is being stopped. */
  RELAY_STOPS: 1001,
  /** The rules of WebSocket, or of yamux, were broken. */
  PROTOCOL_ERROR: 1002,
  /** A text message was sent, and TLS is bytes. */
  TEXT: 1003,
  /** The page has closed its side, and browsers give no code unless they are told one. */
  PAGE_ENDED: 1005,
  /** No close frame came: the relay is gone, or it refused the upgrade (the Origin; websockify: the token, too). */
  NO_CLOSE: 1006,
  /** A message was larger than the relay takes. */
  TOO_LARGE: 1009,
  /** websockify could not connect to the server. */
  FAILED: 1011,
} as const;

/** In words, after "the relay …", why a connection was closed. */
export function reasonOfRelayClose(code: number): string {
  switch (code) {
    case RELAY_CODES.UNKNOWN_SERVER:
      return "does not know this server";
    case RELAY_CODES.IDLE:
      return "closed an idle connection";
    case RELAY_CODES.TOO_MANY:
      return "has too many connections";
    case RELAY_CODES.SERVER_UNREACHABLE:
    case SOCKET_CODES.FAILED:
      return "could not connect to the server";
    case RELAY_CODES.SERVER_BROKE_OFF:
      return "lost its connection to the server";
    case SOCKET_CODES.SERVER_ENDED:
      return "passed on that the server closed the connection";
    case SOCKET_CODES.RELAY_STOPS:
      return "is being stopped";
    case SOCKET_CODES.PROTOCOL_ERROR:
      return "says that its protocol was broken";
    case SOCKET_CODES.NO_CLOSE:
      return "refused the connection or is gone";
    default:
      return `closed the connection with code ${code}`;
  }
}
