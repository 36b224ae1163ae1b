import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import {
  AWAY_PROTOCOL,
  FLAGS,
  FRAME_TYPES,
  GO_AWAY,
  INITIAL_WINDOW,
  MOST_STREAMS,
  YAMUX_PROTOCOL,
} from "../../servers/yamux.ts";
import type { RelayOptions } from "./Relay.ts";
import type { RelayLimits } from "./relayLimits.ts";
import { data, frame, RawStreams } from "./testing/RawStreams.ts";
import { closing, DEAD_TOKEN, RelayStage, TOKEN, until } from "./testing/RelayStage.ts";
import { trusting } from "./testing/trusting.ts";

const { DATA, WINDOW, PING, GO_AWAY: GOING } = FRAME_TYPES;
const MIB = 1024 * 1024;
let stage: RelayStage;

afterEach(() => stage.close());

async function play(serve: (socket: Socket) => void, options?: Partial<RelayOptions>): Promise<void> {
  stage = await RelayStage.start(serve, options);
}

/** As a page opens it; the token that the URL has to name for other relays says nothing here. */
function connect(query = "?token=any"): Promise<RawStreams> {
  return RawStreams.over(stage.client(query, { protocols: ["binary", YAMUX_PROTOCOL] }));
}

const echo = (socket: Socket) => void socket.pipe(socket);
const silent = (socket: Socket) => void socket.resume();
const limits = (changed: Partial<RelayLimits>): Partial<RelayOptions> => ({ limits: changed });

describe("streams", () => {
  it("are chosen where they are offered", async () => {
    await play(echo);
    const { client } = await connect();
    expect(client.protocol).toBe(YAMUX_PROTOCOL);
  });

  it("carry bytes both ways, many at once over one WebSocket, without mixing them", async () => {
    await play(echo);
    const page = await connect();
    const sent = Array.from({ length: 50 }, () => randomBytes(40_000));
    for (const [index] of sent.entries()) page.open(2 * index + 1, TOKEN);
    for (let at = 0; at < 40_000; at += 10_000) {
      for (const [index, bytes] of sent.entries()) page.send(data(2 * index + 1, bytes.subarray(at, at + 10_000)));
    }
    await until(() => sent.every((_, index) => page.bytes(2 * index + 1).length === 40_000));
    for (const [index, bytes] of sent.entries()) expect(page.bytes(2 * index + 1).equals(bytes)).toBe(true);
    expect([stage.relay.connections, stage.relay.streams, stage.serverConnections]).toEqual([1, 50, 50]);
    page.client.close();
    await until(() => stage.relay.connections === 0 && stage.serverConnections === 0);
  });

  it("begin with the first message, the token and the first bytes in any pieces", async () => {
    await play(echo);
    const page = await connect();
    const all = Buffer.concat([frame(WINDOW, FLAGS.SYN, 1, 0), data(1, `${TOKEN}\nfirst`)]);
    for (const byte of all) page.client.send(Buffer.of(byte));
    await until(() => page.bytes(1).toString() === "first");
    expect(page.heard).toContainEqual({ type: WINDOW, flags: FLAGS.ACK, stream: 1, length: 0 });
  });

  it("end each way by itself", async () => {
    await play((socket) => {
      socket.once("end", () => socket.end("the end"));
      socket.resume();
    });
    const page = await connect();
    page.open(1, TOKEN);
    page.send(data(1, "request", FLAGS.FIN));
    await page.ended(1);
    expect(page.bytes(1).toString()).toBe("the end");
    await until(() => stage.relay.streams === 0);
    expect(stage.log.at(-1)).toMatchObject({ event: "stream close", code: SOCKET_CODES.SERVER_ENDED, toServer: 7 });
  });

  it("tell all that the server said before it ended", async () => {
    const sent = randomBytes(200_000);
    await play((socket) => void socket.end(sent));
    const page = await connect();
    page.open(1, TOKEN);
    await page.ended(1);
    expect(page.bytes(1).equals(sent)).toBe(true);
  });

  it("are cancelled alone", async () => {
    const sockets: Socket[] = [];
    await play((socket) => {
      sockets.push(socket);
      socket.resume();
    });
    const page = await connect();
    page.open(1, TOKEN);
    await until(() => sockets.length === 1);
    page.open(3, TOKEN);
    await until(() => sockets.length === 2);
    page.send(frame(WINDOW, FLAGS.RST, 1, 0));
    await until(() => stage.serverConnections === 1 && stage.relay.streams === 1);
    await until(() => stage.log.at(-1)?.event === "stream close");
    expect(stage.log.at(-1)).toMatchObject({ server: TOKEN, code: SOCKET_CODES.PAGE_ENDED });
    sockets[1]!.write("still here");
    await until(() => page.bytes(3).toString() === "still here");
    // What the page sent before it knew is nobody's.
    page.send(data(1, "late"), frame(WINDOW, 0, 1, 5), frame(WINDOW, FLAGS.FIN, 1, 0));
    page.send(frame(PING, FLAGS.SYN, 0, 77));
    await until(() => page.heard.some(({ type, length }) => type === PING && length === 77));
  });

  it("say why they failed, and leave the others alone", async () => {
    await play((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    const page = await connect();
    page.open(1, DEAD_TOKEN);
    page.open(3, "127.0.0.1:22");
    page.open(5, "x".repeat(200));
    page.open(7, TOKEN);
    page.send(data(7, "break"));
    expect(await page.reset(1)).toBe(RELAY_CODES.SERVER_UNREACHABLE);
    expect(await page.reset(3)).toBe(RELAY_CODES.UNKNOWN_SERVER);
    expect(await page.reset(5)).toBe(RELAY_CODES.UNKNOWN_SERVER);
    expect(await page.reset(7)).toBe(RELAY_CODES.SERVER_BROKE_OFF);
    expect(page.client.readyState).toBe(page.client.OPEN);
    expect(JSON.stringify(stage.log)).not.toContain("127.0.0.1:22");
  });
});

describe("which servers are away", () => {
  const asking = () =>
    RawStreams.over(stage.client("?token=any", { protocols: ["binary", YAMUX_PROTOCOL, AWAY_PROTOCOL] }));
  const stageWith = (away: readonly string[]) => play(echo, { servers: trusting(new Map(), away) });

  it("is told to a page that knows to ask, one a line", async () => {
    await stageWith([DEAD_TOKEN, "another"]);
    const page = await asking();
    expect(page.client.protocol).toBe(AWAY_PROTOCOL);
    page.open(1, "?away");
    await page.ended(1);
    expect(page.bytes(1).toString()).toBe(`${DEAD_TOKEN}\nanother\n`);
    expect(stage.relay.streams).toBe(0);
  });

  it("is an empty answer where all are there", async () => {
    await stageWith([]);
    const page = await asking();
    page.open(1, "?away");
    await page.ended(1);
    expect(page.bytes(1)).toHaveLength(0);
  });

  it("is no more than 64 KiB, whole lines, and once a minute on a connection, however often it is asked for", async () => {
    await stageWith(Array.from({ length: 5_000 }, (_, n) => `${n}`.padStart(43, "x")));
    const page = await asking();
    for (let stream = 1; stream < 200; stream += 2) page.open(stream, "?away");
    await page.ended(1);
    expect(await page.reset(3)).toBe(RELAY_CODES.TOO_MANY);
    expect(await page.reset(199)).toBe(RELAY_CODES.TOO_MANY);
    const answer = page.bytes(1).toString();
    expect(answer.length).toBeGreaterThan(60_000);
    expect(answer.length).toBeLessThanOrEqual(64 * 1024);
    expect(answer.split("\n").every((line) => line.length === 43 || line === "")).toBe(true);
  });
});

describe("flow control", () => {
  it("lets a server send as much as the page has room for, and no more", async () => {
    await play((socket) => void socket.write(Buffer.alloc(4 * MIB, 7)));
    const page = await connect();
    page.open(1, TOKEN, 1000);
    await until(() => page.bytes(1).length === INITIAL_WINDOW + 1000);
    page.send(frame(PING, FLAGS.SYN, 0, 1));
    await until(() => page.heard.some(({ type }) => type === PING));
    expect(page.bytes(1).length).toBe(INITIAL_WINDOW + 1000);
    page.send(frame(WINDOW, 0, 1, 4 * MIB));
    await until(() => page.bytes(1).length === 4 * MIB);
  });

  it("keeps a stream whose reader has stopped from holding up another", async () => {
    await play((socket) => void socket.write(Buffer.alloc(8 * MIB, 7)));
    const page = await connect();
    for (let stream = 1; stream < 40; stream += 2) page.open(stream, TOKEN);
    page.open(41, TOKEN, 8 * MIB);
    await until(() => page.bytes(41).length === 8 * MIB);
    for (let stream = 1; stream < 40; stream += 2) expect(page.bytes(stream).length).toBe(INITIAL_WINDOW);
  });

  it("keeps a flood of some servers from holding up another's few bytes", async () => {
    let quiet: Socket | undefined;
    await play((socket) =>
      socket.once("data", (first) => {
        if (first.toString() === "quiet") quiet = socket;
        else socket.write(Buffer.alloc(16 * MIB, 7));
      }),
    );
    const page = await connect();
    const flooding = [1, 3, 5, 7, 9, 11];
    for (const stream of flooding) {
      page.open(stream, TOKEN, 16 * MIB);
      page.send(data(stream, "flood"));
    }
    page.open(13, TOKEN);
    page.send(data(13, "quiet"));
    await until(() => quiet !== undefined && page.bytes(1).length > 0);
    const total = () => flooding.reduce((sum, stream) => sum + page.bytes(stream).length, 0);
    quiet!.write("a few bytes");
    await until(() => page.bytes(13).length > 0);
    expect(total()).toBeLessThan(flooding.length * 16 * MIB);
  });

  /** What may be sent on a stream that leads to the server, the token counted off. */
  const roomOf = (page: RawStreams, stream: number) =>
    page.heard
      .filter((each) => each.type === WINDOW && each.stream === stream && each.flags === 0)
      .reduce((sum, { length }) => sum + length, INITIAL_WINDOW - TOKEN.length - 1);

  it("lets the page send on as the server takes", async () => {
    let taken = 0;
    await play((socket) => void socket.on("data", ({ length }) => (taken += length)));
    const page = await connect();
    page.open(1, TOKEN);
    for (let sent = 0; sent < MIB; sent += 16_384) {
      await until(() => roomOf(page, 1) - sent >= 16_384);
      page.send(data(1, new Uint8Array(16_384)));
    }
    await until(() => taken === MIB);
  });

  it("keeps a server that takes nothing from holding up another", { timeout: 30_000 }, async () => {
    const sockets: Socket[] = [];
    await play((socket) => {
      sockets.push(socket);
      if (sockets.length === 1) socket.pause();
      else echo(socket);
    });
    const page = await connect();
    page.open(1, TOKEN);
    await until(() => sockets.length === 1);
    let sent = 0;
    const fill = () => {
      for (; roomOf(page, 1) - sent >= 16_384; sent += 16_384) page.send(data(1, new Uint8Array(16_384)));
      return sent;
    };
    // Until the system's own buffers on the way are full, and the stream's window, too.
    for (let before = -1; before !== fill(); ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    page.open(3, TOKEN);
    page.send(data(3, "answered"));
    await until(() => page.bytes(3).toString() === "answered");
    expect(sent).toBeGreaterThan(2 * INITIAL_WINDOW);
  });
});

describe("a page that breaks the rules is let go", () => {
  it.each([
    ["by another version", Buffer.of(1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)],
    ["by data on a stream that was never opened", data(9, "x")],
    ["by an even stream", frame(WINDOW, FLAGS.SYN, 2, 0)],
    ["by a stream that was opened before", frame(WINDOW, FLAGS.SYN, 1, 0)],
    ["by more than it may send", frame(DATA, 0, 1, INITIAL_WINDOW)],
  ])("%s", async (_, bytes) => {
    await play(silent);
    const page = await connect();
    page.open(1, TOKEN);
    page.send(bytes);
    expect((await closing(page.client))[0]).toBe(SOCKET_CODES.PROTOCOL_ERROR);
    expect(page.heard).toContainEqual({ type: GOING, flags: 0, stream: 0, length: GO_AWAY.PROTOCOL_ERROR });
    await until(() => stage.relay.connections === 0 && stage.serverConnections === 0);
  });

  it("by text", async () => {
    await play(silent);
    const page = await connect();
    page.client.send("text");
    expect((await closing(page.client))[0]).toBe(SOCKET_CODES.TEXT);
  });

  it("by a large message", async () => {
    await play(silent);
    const page = await connect();
    page.send(new Uint8Array(70_000));
    expect((await closing(page.client))[0]).toBe(SOCKET_CODES.TOO_LARGE);
  });
});

describe("limits", () => {
  it("so many streams on a connection, and the place of one that ended is free", async () => {
    await play(echo);
    const page = await connect();
    for (let stream = 0; stream <= MOST_STREAMS; stream++) page.open(2 * stream + 1, TOKEN);
    expect(await page.reset(2 * MOST_STREAMS + 1)).toBe(RELAY_CODES.TOO_MANY);
    await until(() => stage.serverConnections === MOST_STREAMS);
    page.send(frame(WINDOW, FLAGS.RST, 1, 0));
    await until(() => stage.serverConnections === MOST_STREAMS - 1);
    const next = 2 * MOST_STREAMS + 3;
    page.open(next, TOKEN);
    page.send(data(next, "in"));
    await until(() => page.bytes(next).toString() === "in");
  });

  it("a visitor's connection counts once for his address, however many streams it carries", async () => {
    await play(echo, limits({ connectionsPerAddress: 2 }));
    const visitors = [await connect(), await connect()];
    for (const page of visitors) {
      for (const stream of [1, 3, 5, 7]) page.open(stream, TOKEN);
    }
    await until(() => stage.serverConnections === 8);
    expect((await closing(stage.client()))[0]).toBe(RELAY_CODES.TOO_MANY);
  });

  it("streams are counted by themselves, and no address takes more than it leaves free", async () => {
    await play(echo, limits({ streams: 4 }));
    const page = await connect();
    for (const stream of [1, 3, 5]) page.open(stream, TOKEN);
    expect(await page.reset(5)).toBe(RELAY_CODES.TOO_MANY);
    expect(stage.log.at(-1)).toMatchObject({ event: "refused", why: "address limit", server: TOKEN });
    page.send(frame(WINDOW, FLAGS.RST, 1, 0));
    await until(() => stage.serverConnections === 1);
    page.open(7, TOKEN);
    page.send(data(7, "in"));
    await until(() => page.bytes(7).toString() === "in");
  });

  it("a stream on which nothing moves ends, and so does a connection without streams", async () => {
    await play(silent, limits({ idle: 200 }));
    const page = await connect();
    page.open(1, TOKEN);
    expect(await page.reset(1)).toBe(RELAY_CODES.IDLE);
    expect((await closing(page.client))[0]).toBe(RELAY_CODES.IDLE);
    await until(() => stage.relay.connections === 0);
  });

  it("a stream that never says where it leads ends", async () => {
    await play(silent, limits({ firstByte: 100 }));
    const page = await connect();
    page.send(frame(WINDOW, FLAGS.SYN, 1, 0), data(1, "half a token"));
    expect(await page.reset(1)).toBe(RELAY_CODES.IDLE);
  });

  it("a page that takes nothing at all is given up", async () => {
    await play((socket) => void socket.write(Buffer.alloc(100 * MIB)), limits({ idle: 300 }));
    const page = await connect();
    page.open(1, TOKEN, 100 * MIB);
    page.client.pause();
    await until(() => stage.relay.connections === 0 && stage.serverConnections === 0);
  });
});

it("a relay that stops says so", async () => {
  await play(silent);
  const page = await connect();
  page.open(1, TOKEN);
  await until(() => stage.serverConnections === 1);
  const [end] = await Promise.all([closing(page.client), stage.relay.close()]);
  expect(end[0]).toBe(SOCKET_CODES.RELAY_STOPS);
  expect(page.heard.at(-1)).toEqual({ type: GOING, flags: 0, stream: 0, length: GO_AWAY.NORMAL });
});
