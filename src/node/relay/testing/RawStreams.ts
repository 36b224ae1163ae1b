import { once } from "node:events";
import type { WebSocket } from "ws";
import { FLAGS, FRAME_TYPES, type FrameHeader, FrameReader, writeHeader } from "../../../servers/yamux.ts";
import { until } from "./RelayStage.ts";

/** A page's side of a multiplexed connection on which every frame is the test's. */
export class RawStreams {
  readonly client: WebSocket;
  /** All frames but data. */
  readonly heard: FrameHeader[] = [];
  /** The bytes of data frames, by stream. */
  readonly data = new Map<number, Buffer[]>();

  constructor(client: WebSocket) {
    this.client = client;
    const reader = new FrameReader({
      begin: (header) => void (header.type !== FRAME_TYPES.DATA && this.heard.push(header)),
      data: ({ stream }, piece) => void this.data.set(stream, [...this.#of(stream), Buffer.from(piece)]),
      end: () => undefined,
    });
    client.on("message", (bytes: Buffer) => reader.push(bytes));
  }

  static async over(client: WebSocket): Promise<RawStreams> {
    const streams = new RawStreams(client);
    await once(client, "open");
    return streams;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.client.send(Buffer.concat(frames));
  }

  /** Opens a stream to a server, and lets it send so much more than at first. */
  open(stream: number, token: string, more = 0): void {
    this.send(frame(FRAME_TYPES.WINDOW, FLAGS.SYN, stream, more), data(stream, `${token}\n`));
  }

  bytes(stream: number): Buffer {
    return Buffer.concat(this.#of(stream));
  }

  /** With which reason the stream was reset. */
  async reset(stream: number): Promise<number> {
    const isReset = (each: FrameHeader) => each.stream === stream && (each.flags & FLAGS.RST) !== 0;
    await until(() => this.heard.some(isReset));
    return this.heard.find(isReset)!.length;
  }

  async ended(stream: number): Promise<void> {
    await until(() => this.heard.some((each) => each.stream === stream && (each.flags & FLAGS.FIN) !== 0));
  }

  #of(stream: number): Buffer[] {
    return this.data.get(stream) ?? [];
  }
}

export function frame(type: number, flags: number, stream: number, length: number): Uint8Array {
  return writeHeader({ type, flags, stream, length });
}

export function data(stream: number, payload: string | Uint8Array, flags = 0): Uint8Array {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([frame(FRAME_TYPES.DATA, flags, stream, bytes.length), bytes]);
}
