import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { type ByteStream, StreamFailure } from "./ByteStream.ts";
import { RELAY_CODES } from "./relayCodes.ts";
import { memoryStreams } from "./testing/memoryStreams.ts";
import { YamuxConnection } from "./YamuxConnection.ts";
import {
  FLAGS,
  FRAME_TYPES,
  type FrameHeader,
  FrameReader,
  INITIAL_WINDOW,
  MOST_STREAMS,
  writeHeader,
} from "./yamux.ts";

const { DATA, WINDOW, PING, GO_AWAY } = FRAME_TYPES;
const MiB = 1024 * 1024;
const text = new TextEncoder();

/** A connection, and the relay's side of it, on which every frame is the test's. */
function start() {
  const [page, relay] = memoryStreams();
  const clock = new VirtualClock();
  let silences = 0;
  const connection = new YamuxConnection(page, clock, () => {
    silences++;
  });
  const send = (type: number, flags: number, stream: number, length: number) =>
    relay.write(writeHeader({ type, flags, stream, length }));
  const data = async (stream: number, bytes: Uint8Array<ArrayBuffer>) => {
    await send(DATA, 0, stream, bytes.length);
    await relay.write(bytes);
  };
  /** What the page's next message holds: headers, and payloads as text. */
  const message = async () => {
    const found: (FrameHeader | string)[] = [];
    const reader = new FrameReader({
      begin: (header) => void found.push(header),
      data: (_, piece) => void found.push(new TextDecoder().decode(piece)),
      end: () => undefined,
    });
    reader.push((await relay.read())!);
    return found;
  };
  /** A stream that has spoken. */
  const opened = async (token = "oak") => {
    const stream = connection.open(token);
    await stream.write(text.encode("hello"));
    await message();
    return stream;
  };
  return { connection, relay, clock, send, data, message, opened, silences: () => silences };
}

async function textOf(stream: ByteStream): Promise<string> {
  return new TextDecoder().decode(await stream.read());
}

describe("a stream", () => {
  it("is opened by one message, in which its first bytes are", async () => {
    const { connection, message } = start();
    const stream = connection.open("oak");
    await stream.write(text.encode("ClientHello"));
    expect(await message()).toEqual(
      [
        { type: WINDOW, flags: FLAGS.SYN, stream: 1, length: MiB - INITIAL_WINDOW },
        { type: DATA, flags: 0, stream: 1, length: 15 },
        "oak\n",
        "ClientHello",
      ].reduce<unknown[]>(joinTexts, []),
    );
  });

  it("carries bytes both ways, and ends as the server ends its side", async () => {
    const { send, data, message, opened } = start();
    const stream = await opened();
    await data(1, text.encode("answer"));
    expect(await textOf(stream)).toBe("answer");
    await data(1, text.encode("last"));
    await send(WINDOW, FLAGS.FIN, 1, 0);
    expect(await textOf(stream)).toBe("last");
    expect(await stream.read()).toBeUndefined();
    stream.close();
    expect(await message()).toMatchObject([{ type: WINDOW, flags: FLAGS.RST, stream: 1 }]);
  });

  it("is closed alone, and what still comes for it is nobody's", async () => {
    const { data, message, opened } = start();
    const [left, kept] = [await opened(), await opened()];
    const reading = left.read();
    left.close();
    await expect(reading).rejects.toBeInstanceOf(StreamFailure);
    expect(await message()).toEqual([{ type: WINDOW, flags: FLAGS.RST, stream: 1, length: 0 }]);
    await data(1, new Uint8Array(4 * MiB));
    await data(3, text.encode("still here"));
    expect(await textOf(kept)).toBe("still here");
  });

  it("that nobody reads stops no other", async () => {
    const { data, opened } = start();
    const [stalled, other] = [await opened(), await opened()];
    await data(1, new Uint8Array(MiB));
    for (let n = 0; n < 3; n++) {
      await data(3, text.encode("more"));
      expect(await textOf(other)).toBe("more");
    }
    expect((await stalled.read())!.length).toBe(MiB);
  });

  it("lets the relay send on when half of what may wait was read", async () => {
    const { data, message, opened } = start();
    const stream = await opened();
    await data(1, new Uint8Array(MiB / 4));
    await data(1, new Uint8Array(MiB / 4));
    await stream.read();
    await stream.read();
    expect(await message()).toEqual([{ type: WINDOW, flags: 0, stream: 1, length: MiB / 2 }]);
  });

  it("writes no more than the relay takes", async () => {
    const { send, message, opened } = start();
    const stream = await opened();
    let isWritten = false;
    const writing = stream.write(new Uint8Array(INITIAL_WINDOW)).then(() => {
      isWritten = true;
    });
    let sent = "oak\nhello".length;
    while (sent < INITIAL_WINDOW) sent += ((await message())[0] as FrameHeader).length;
    expect([sent, isWritten]).toEqual([INITIAL_WINDOW, false]);
    await send(WINDOW, 0, 1, 100);
    expect(((await message())[0] as FrameHeader).length).toBe("oak\nhello".length);
    await writing;
  });

  it.each([
    [RELAY_CODES.UNKNOWN_SERVER, "relay-token"],
    [RELAY_CODES.TOO_MANY, "relay-busy"],
    [RELAY_CODES.SERVER_UNREACHABLE, "server-away"],
    [RELAY_CODES.SERVER_BROKE_OFF, "broke-off"],
    [RELAY_CODES.IDLE, "broke-off"],
    [0, "broke-off"],
  ])("that is reset with %i fails as a WebSocket that is closed so: %s", async (code, why) => {
    const { send, data, opened } = start();
    const [stream, other] = [await opened(), await opened()];
    await send(WINDOW, FLAGS.RST, 1, code);
    await expect(stream.read()).rejects.toMatchObject({ why });
    await expect(stream.write(text.encode("x"))).rejects.toMatchObject({ why });
    await data(3, text.encode("still here"));
    expect(await textOf(other)).toBe("still here");
  });
});

describe("a connection", () => {
  it("that ends fails all its streams, those too that were opened and those that come later", async () => {
    const { connection, relay, opened } = start();
    const streams = [await opened(), await opened(), connection.open("silent")];
    const reads = streams.map((stream) => stream.read());
    relay.close();
    for (const read of reads) await expect(read).rejects.toMatchObject({ why: "broke-off" });
    expect([connection.hasRoom, connection.isLeaving]).toEqual([false, true]);
    await expect(connection.open("late").read()).rejects.toMatchObject({ why: "broke-off" });
  });

  it("takes so many streams, and none after the relay has said that it leaves", async () => {
    const { connection, send, opened } = start();
    const stream = await opened();
    for (let n = 1; n < MOST_STREAMS; n++) connection.open("more");
    expect(connection.hasRoom).toBe(false);
    stream.close();
    expect(connection.hasRoom).toBe(true);
    const last = connection.open("last");
    await last.write(text.encode("x"));
    await send(GO_AWAY, 0, 0, 0);
    await send(WINDOW, FLAGS.RST, 3, 0);
    await last.read().catch(() => undefined);
    expect(connection.hasRoom).toBe(false);
  });

  it("from which something is awaited is asked for a sign of life after three seconds, and silent a second later, until it wakes", async () => {
    const { connection, clock, data, message, opened, silences } = start();
    const stream = await opened();
    await clock.run(3_000);
    expect(await message()).toEqual([{ type: PING, flags: FLAGS.SYN, stream: 0, length: 0 }]);
    await clock.run(999);
    expect([connection.isSilent, silences()]).toEqual([false, 0]);
    await clock.run(60_000);
    expect([connection.isSilent, connection.hasRoom, silences()]).toEqual([true, false, 1]);
    await data(1, text.encode("late"));
    expect(await textOf(stream)).toBe("late");
    expect([connection.isSilent, connection.hasRoom]).toEqual([false, true]);
  });

  it("whose relay answers is not silent, however long a server is", async () => {
    const { connection, clock, send, message, opened, silences } = start();
    await opened();
    for (let n = 0; n < 20; n++) {
      await clock.run(3_000);
      await message();
      await send(PING, FLAGS.ACK, 0, 0);
      await clock.run(100);
    }
    expect([connection.isSilent, silences()]).toEqual([false, 0]);
  });

  it("from which nothing is awaited fails when it gives no sign of life", async () => {
    const { connection, clock, opened, silences } = start();
    const stream = await opened();
    stream.rest(true);
    connection.check();
    await clock.run(1_000);
    await expect(stream.read()).rejects.toMatchObject({ why: "broke-off" });
    expect([connection.isLeaving, silences(), clock.pendingTimers]).toEqual([true, 0, 0]);
  });

  it("that has left fails its streams as replaced, and sets no timer", async () => {
    const { connection, clock, opened } = start();
    const stream = await opened();
    await clock.run(5_000);
    connection.leave();
    await expect(stream.read()).rejects.toMatchObject({ why: "replaced" });
    expect([connection.isSilent, clock.pendingTimers]).toEqual([false, 0]);
  });

  it("lives on with any sign of life, and is not asked for one while the relay speaks", async () => {
    const { connection, clock, send, data, message, opened } = start();
    const stream = await opened();
    await clock.run(3_000);
    await stream.write(text.encode("again"));
    await message();
    await clock.run(900);
    await data(1, text.encode("here"));
    expect(await textOf(stream)).toBe("here");
    await stream.write(text.encode("more"));
    expect((await message()).filter((found) => typeof found !== "string" && found.type === PING)).toEqual([]);
    stream.rest(true);
    await send(PING, FLAGS.ACK, 0, 0);
    await clock.run(60_000);
    expect([connection.isLeaving, clock.pendingTimers]).toEqual([false, 0]);
  });

  it("answers pings, few of many", async () => {
    const { send, message } = start();
    await send(PING, FLAGS.SYN, 0, 7);
    expect(await message()).toEqual([{ type: PING, flags: FLAGS.ACK, stream: 0, length: 7 }]);
  });

  it.each([
    ["more than a stream may send", DATA, 0, 1, MiB + 1],
    ["data for a stream that was never opened", DATA, 0, 5, 1],
    ["a stream of its own", WINDOW, FLAGS.SYN, 2, 0],
    ["a stream of the page's, opened anew", WINDOW, FLAGS.SYN, 1, 0],
    ["an unknown type", 9, 0, 1, 0],
  ])("on which the relay breaks the rules is closed: %s", async (_, type, flags, stream, length) => {
    const { connection, relay, send, opened } = start();
    const streams = [await opened(), await opened()];
    await send(type, flags, stream, length);
    for (const one of streams) await expect(one.read()).rejects.toMatchObject({ why: "broke-off" });
    expect(connection.isLeaving).toBe(true);
    await expect(relay.write(text.encode("x"))).rejects.toThrow();
  });

  it("on which anything comes fails with a StreamFailure, or goes on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), async (messages) => {
        const { connection, relay, opened } = start();
        const stream = await opened();
        const heard = stream.read().catch((error: unknown) => error);
        for (const bytes of messages) await relay.write(bytes.slice()).catch(() => undefined);
        relay.close();
        const end = await heard;
        expect(end instanceof StreamFailure || end instanceof Uint8Array || end === undefined).toBe(true);
        expect(connection.hasRoom).toBe(false);
      }),
    );
  });

  it("a small piece does not keep the large message that it came in", async () => {
    const { relay, opened } = start();
    const stream = await opened();
    const other = await opened();
    other.close();
    const large = new Uint8Array(12 + 1 + 12 + MiB);
    large.set(writeHeader({ type: DATA, flags: 0, stream: 1, length: 1 }));
    large.set(writeHeader({ type: DATA, flags: 0, stream: 3, length: MiB }), 13);
    await relay.write(large);
    expect((await stream.read())!.buffer.byteLength).toBe(1);
  });
});

/** A payload may be heard in several pieces. */
function joinTexts(found: unknown[], next: unknown): unknown[] {
  const last = found.at(-1);
  return typeof last === "string" && typeof next === "string" ? [...found.slice(0, -1), last + next] : [...found, next];
}
