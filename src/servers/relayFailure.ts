import { StreamFailure } from "./ByteStream.ts";
import { RELAY_CODES, reasonOfRelayClose, SOCKET_CODES } from "./relayCodes.ts";

/** What a relay's code means, by which it closed a WebSocket or reset a stream of one. */
export function relayFailure(code: number): StreamFailure {
  return new StreamFailure(WHYS[code] ?? "broke-off", `the relay ${reasonOfRelayClose(code)}`);
}

const WHYS: Readonly<Record<number, StreamFailure["why"]>> = {
  [RELAY_CODES.UNKNOWN_SERVER]: "relay-token",
  [RELAY_CODES.TOO_MANY]: "relay-busy",
  [RELAY_CODES.SERVER_UNREACHABLE]: "server-away",
  [SOCKET_CODES.FAILED]: "server-away",
};
