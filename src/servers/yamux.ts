/**
 * yamux, version 0: many streams over one connection, each with its own flow control (https://github.com/hashicorp/yamux/blob/master/spec.md).
 * Here are its frames; docs/decisions/0026 says what a page and a relay make of them.
 */

/** The WebSocket subprotocol of a relay that speaks it. */
export const YAMUX_PROTOCOL = "yamux.gridfetch";

/** That of one which says besides, where it is asked, which of its servers it cannot reach. */
export const AWAY_PROTOCOL = "yamux-away.gridfetch";

/** In the place of a server's token: the relay sends the tokens of those that it cannot reach, one a line, and ends the stream. No TLS id has a question mark. */
export const AWAY_TOKEN = "?away";

/** Of such an answer, in bytes: more is no answer. */
export const LONGEST_AWAY = 64 * 1024;

/** Streams of one connection, at most: each costs the relay memory. */
export const MOST_STREAMS = 64;

/** So much may be sent on each stream before the other side has said anything. In bytes. */
export const INITIAL_WINDOW = 256 * 1024;

export const HEADER_LENGTH = 12;

export const FRAME_TYPES = { DATA: 0, WINDOW: 1, PING: 2, GO_AWAY: 3 } as const;

export const FLAGS = { SYN: 1, ACK: 2, FIN: 4, RST: 8 } as const;

/** Error codes of GO_AWAY. */
export const GO_AWAY = { NORMAL: 0, PROTOCOL_ERROR: 1 } as const;

export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  /** 0 for the connection itself. */
  readonly stream: number;
  /** Of the payload in DATA; more bytes that may be sent in WINDOW, or a reason beside RST; any value in PING; an error code in GO_AWAY. */
  readonly length: number;
}

/** The other side has broken the protocol: nothing that it says can be understood any more. */
export class YamuxError extends Error {
  override readonly name = "YamuxError";
}

/** Writes a header into `into`, or into bytes of its own. */
export function writeHeader(
  { type, flags, stream, length }: FrameHeader,
  into: Uint8Array<ArrayBuffer> = new Uint8Array(HEADER_LENGTH),
): Uint8Array<ArrayBuffer> {
  const view = new DataView(into.buffer, into.byteOffset, HEADER_LENGTH);
  view.setUint8(0, 0);
  view.setUint8(1, type);
  view.setUint16(2, flags);
  view.setUint32(4, stream);
  view.setUint32(8, length);
  return into;
}

/** Hears frames. May throw YamuxError. */
export interface FrameListener {
  /** A header has come; the payload of DATA is yet to come. */
  begin(header: FrameHeader): void;
  /** A piece of the payload, one byte or more: a view of what was read. */
  data(header: FrameHeader, piece: Uint8Array): void;
  /** All of the frame has come. */
  end(header: FrameHeader): void;
}

/** Finds the frames in a stream of bytes, however these are divided. Keeps nothing but an unfinished header. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #partial = new Uint8Array(HEADER_LENGTH);
  #partialLength = 0;
  /** Whose payload is coming. */
  #current: FrameHeader | undefined;
  #left = 0;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Takes the next bytes. @throws YamuxError */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      at += this.#current === undefined ? this.#pushHeader(bytes, at) : this.#pushPayload(this.#current, bytes, at);
    }
  }

  #pushHeader(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + HEADER_LENGTH - this.#partialLength);
    this.#partial.set(part, this.#partialLength);
    this.#partialLength += part.length;
    if (this.#partialLength < HEADER_LENGTH) return part.length;
    this.#partialLength = 0;
    const header = readHeader(this.#partial);
    this.#listener.begin(header);
    this.#left = header.type === FRAME_TYPES.DATA ? header.length : 0;
    if (this.#left === 0) this.#listener.end(header);
    else this.#current = header;
    return part.length;
  }

  #pushPayload(header: FrameHeader, bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + this.#left);
    this.#left -= piece.length;
    this.#listener.data(header, piece);
    if (this.#left === 0) {
      this.#current = undefined;
      this.#listener.end(header);
    }
    return piece.length;
  }
}

function readHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_LENGTH);
  const [version, type, flags] = [view.getUint8(0), view.getUint8(1), view.getUint16(2)];
  const stream = view.getUint32(4);
  if (version !== 0) throw new YamuxError(`a frame of version ${version}`);
  if (type > FRAME_TYPES.GO_AWAY) throw new YamuxError(`a frame of the unknown type ${type}`);
  if (flags > 15) throw new YamuxError(`a frame with the unknown flags ${flags}`);
  const isOfConnection = type === FRAME_TYPES.PING || type === FRAME_TYPES.GO_AWAY;
  if ((stream === 0) !== isOfConnection) throw new YamuxError(`a frame of type ${type} for stream ${stream}`);
  return { type, flags, stream, length: view.getUint32(8) };
}
