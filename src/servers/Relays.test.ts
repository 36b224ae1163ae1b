import { describe, expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { type ByteStream, type Connect, StreamFailure } from "./ByteStream.ts";
import { Relays } from "./Relays.ts";
import { memoryStreams } from "./testing/memoryStreams.ts";
import { AWAY_PROTOCOL, FLAGS, FRAME_TYPES, MOST_STREAMS, writeHeader, YAMUX_PROTOCOL } from "./yamux.ts";

const hello = new TextEncoder().encode("ClientHello");

interface Attempt {
  readonly token: string | null;
  readonly protocols: readonly string[];
  /** The relay's side, where a connection was made. */
  relay?: ByteStream;
}

/** A relay that answers an offer with a protocol, or not at all. */
function start(answer: (protocols: readonly string[]) => string | undefined) {
  const attempts: Attempt[] = [];
  const connect: Connect = async (url, _, protocols) => {
    const attempt: Attempt = { token: new URL(url).searchParams.get("token"), protocols };
    attempts.push(attempt);
    const protocol = answer(protocols);
    if (protocol === undefined) throw new StreamFailure("relay-away", "it is away");
    const [page, relay] = memoryStreams();
    attempt.relay = relay;
    return { ...page, protocol };
  };
  const clock = new VirtualClock();
  const relay = new Relays(connect, clock).at("wss://relay.example/x?y=1");
  return { relay, attempts, clock };
}

const yamux = (protocols: readonly string[]) => (protocols.includes(YAMUX_PROTOCOL) ? YAMUX_PROTOCOL : "");
const websockify = (protocols: readonly string[]) => (protocols.includes("binary") ? "binary" : "");
const waiting = () => new AbortController().signal;
const names = (count: number) => Array.from({ length: count }, (_, n) => `server-${n}`);

describe("a relay that speaks yamux", () => {
  it("is reached by one connection, and a tenth server by one message over it", async () => {
    const { relay, attempts } = start(yamux);
    const streams = await Promise.all(names(9).map((token) => relay.open(token, waiting())));
    for (const stream of streams) await stream.write(hello);
    for (const _ of streams) await attempts[0]!.relay!.read();
    const tenth = await relay.open("tenth", waiting());
    await tenth.write(hello);
    const message = new TextDecoder().decode(await attempts[0]!.relay!.read());
    expect(message).toContain("tenth\nClientHello");
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ token: "server-0", protocols: ["binary", YAMUX_PROTOCOL, AWAY_PROTOCOL] });
  });

  it("is reached ahead of the first request", async () => {
    const { relay, attempts } = start(yamux);
    for (const token of names(10)) void relay.warm(token);
    await relay.open("server-5", waiting());
    void relay.warm("server-1");
    expect(attempts).toHaveLength(1);
  });

  it("is reached anew once its connection has ended", async () => {
    const { relay, attempts } = start(yamux);
    const stream = await relay.open("oak", waiting());
    attempts[0]!.relay!.close();
    await expect(stream.read()).rejects.toMatchObject({ why: "broke-off" });
    await (await relay.open("oak", waiting())).write(hello);
    expect(attempts).toHaveLength(2);
  });

  it("gets a second connection when the first carries all that it may", async () => {
    const { relay, attempts } = start(yamux);
    await Promise.all(names(MOST_STREAMS + 1).map((token) => relay.open(token, waiting())));
    expect(attempts).toHaveLength(2);
  });

  it("is found by the opening that somebody has left: it goes on for the next", async () => {
    let answer = () => {};
    const attempts: string[] = [];
    const connect: Connect = async (url) => {
      attempts.push(url);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return { ...memoryStreams()[0], protocol: YAMUX_PROTOCOL };
    };
    const relay = new Relays(connect, new VirtualClock()).at("wss://relay.example/");
    const leave = new AbortController();
    const left = relay.open("oak", leave.signal);
    leave.abort("enough");
    await expect(left).rejects.toBe("enough");
    const next = relay.open("elm", waiting());
    answer();
    await next;
    expect(attempts).toHaveLength(1);
  });
});

describe("a connection to a relay that gives no sign of life", () => {
  /** One that is there, and then a network that swallows all there is until it is back. */
  async function swallowed() {
    const clock = new VirtualClock();
    const attempts: number[] = [];
    let isBack = true;
    let underWay = 0;
    let most = 0;
    const relaySides: ByteStream[] = [];
    const connect: Connect = (_, signal) => {
      attempts.push(clock.now());
      most = Math.max(most, ++underWay);
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        if (!isBack) return;
        const [page, side] = memoryStreams();
        relaySides.push(side);
        resolve({ ...page, protocol: YAMUX_PROTOCOL });
      }).finally(() => underWay--) as ReturnType<Connect>;
    };
    const relay = new Relays(connect, clock).at("wss://relay.example/");
    const stream = await relay.open("oak", waiting());
    await stream.write(hello);
    isBack = false;
    const comeBack = (): void => {
      isBack = true;
    };
    return { clock, relay, stream, attempts, relaySides, comeBack, mostAtOnce: () => most };
  }

  it("is replaced within two seconds of the network's return, by one attempt at a time", async () => {
    const { clock, relay, stream, attempts, comeBack, mostAtOnce } = await swallowed();
    const reading = stream.read().catch((error: unknown) => error);
    await clock.run(20_000);
    comeBack();
    expect(await clock.runUntil(reading)).toMatchObject({ why: "replaced" });
    expect(clock.now()).toBeLessThanOrEqual(22_000);
    expect(attempts.length).toBeLessThanOrEqual(11);
    expect(mostAtOnce()).toBe(1);
    await (await relay.open("oak", waiting())).write(hello);
    expect(clock.now()).toBeLessThanOrEqual(22_000);
  });

  it("loses nothing where it wakes before another is there", async () => {
    const { clock, stream, relaySides, attempts } = await swallowed();
    await clock.run(20_000);
    const header = { type: FRAME_TYPES.DATA, flags: 0, stream: 1, length: hello.length };
    await relaySides[0]!.write(writeHeader(header));
    await relaySides[0]!.write(hello);
    expect(await stream.read()).toEqual(hello);
    stream.rest(true);
    const before = attempts.length;
    await clock.run(60_000);
    expect([attempts.length, clock.pendingTimers]).toEqual([before, 0]);
  });

  it("is tried to be replaced no longer than somebody waits for it", async () => {
    const { clock, stream, attempts } = await swallowed();
    await clock.run(10_000);
    stream.close();
    await clock.run(3_000);
    const before = attempts.length;
    await clock.run(60_000);
    expect([attempts.length, clock.pendingTimers]).toEqual([before, 0]);
  });

  it("is found out a second after the network has changed", async () => {
    const { clock, relay, stream, comeBack } = await swallowed();
    comeBack();
    relay.check();
    const reading = stream.read().catch((error: unknown) => error);
    expect(await clock.runUntil(reading)).toMatchObject({ why: "replaced" });
    expect(clock.now()).toBe(1_000);
  });
});

describe("a relay that speaks as websockify does", () => {
  it("is reached by a WebSocket for each connection to a server, the first of which has cost nothing", async () => {
    const { relay, attempts } = start(websockify);
    const streams = await Promise.all(names(3).map((token) => relay.open(token, waiting())));
    expect(attempts.map(({ token }) => token)).toEqual(names(3));
    await streams[2]!.write(hello);
    expect(await attempts[2]!.relay!.read()).toEqual(hello);
    await relay.open("server-0", waiting());
    expect(attempts).toHaveLength(4);
  });

  it("keeps no connection that was opened ahead, or for somebody who has left", async () => {
    const { relay, attempts, clock } = start(websockify);
    void relay.warm("oak");
    await clock.run(1);
    expect(await attempts[0]!.relay!.read()).toBeUndefined();
    void relay.warm("oak");
    expect(attempts).toHaveLength(1);
  });

  it("is spoken to in yamux once it can", async () => {
    let isNew = false;
    const { relay, attempts } = start((protocols) => (isNew ? yamux : websockify)(protocols));
    await relay.open("oak", waiting());
    isNew = true;
    for (const token of names(5)) await relay.open(token, waiting());
    expect(attempts).toHaveLength(2);
  });
});

describe("a relay that takes no offer", () => {
  it("is asked without one, and that is remembered", async () => {
    const { relay, attempts } = start((protocols) => (protocols.length === 0 ? "" : undefined));
    await Promise.all(names(3).map((token) => relay.open(token, waiting())));
    expect(attempts.map(({ protocols }) => protocols.length)).toEqual([3, 0, 0, 0]);
  });

  it("is away if it takes nothing else either: two attempts for all who wait, and anew for the next", async () => {
    const { relay, attempts } = start(() => undefined);
    const all = names(10).map((token) => relay.open(token, waiting()));
    for (const one of all) await expect(one).rejects.toMatchObject({ why: "relay-away" });
    expect(attempts).toHaveLength(2);
    await expect(relay.open("oak", waiting())).rejects.toMatchObject({ why: "relay-away" });
    expect(attempts.map(({ protocols }) => protocols.length)).toEqual([3, 0, 3, 0]);
  });
});

describe("a relay that says which servers it cannot reach", () => {
  const frame = (type: number, flags: number, length: number) => writeHeader({ type, flags, stream: 1, length });
  const telling = (protocols: readonly string[]) => (protocols.includes(AWAY_PROTOCOL) ? AWAY_PROTOCOL : "");
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** A page that is connected, and what the relay has heard on stream 1. */
  async function asked(answer: (protocols: readonly string[]) => string = telling) {
    const stage = start(answer);
    await stage.relay.warm("oak");
    const side = stage.attempts.at(-1)!.relay!;
    /** Answers with these bytes, and ends the stream. */
    const say = async (...texts: string[]): Promise<void> => {
      for (const text of texts) {
        const bytes = new TextEncoder().encode(text);
        await side.write(frame(FRAME_TYPES.DATA, 0, bytes.length) as Uint8Array<ArrayBuffer>);
        await side.write(bytes);
      }
      await side.write(frame(FRAME_TYPES.WINDOW, FLAGS.FIN, 0) as Uint8Array<ArrayBuffer>);
      await turn();
    };
    return { ...stage, side, say };
  }

  it("is asked when it is connected to, and believed for ten minutes or until a server answers", async () => {
    const { relay, clock, side, say } = await asked();
    expect(new TextDecoder().decode(await side.read())).toContain("?away\n");
    expect(relay.isAway("oak")).toBe(false);
    await say("oa", "k\nelm\n");
    expect(["oak", "elm", "ash"].map((token) => relay.isAway(token))).toEqual([true, true, false]);
    relay.answered("elm");
    expect(relay.isAway("elm")).toBe(false);
    await clock.run(600_000);
    expect(relay.isAway("oak")).toBe(false);
  });

  it("is asked anew after ten minutes, with the next stream, and not before", async () => {
    const { relay, clock, side, say } = await asked();
    await say("oak\n");
    const heard: string[] = [];
    void (async () => {
      for (let bytes = await side.read(); bytes !== undefined; bytes = await side.read()) {
        heard.push(new TextDecoder().decode(bytes));
      }
    })();
    (await relay.open("elm", waiting())).close();
    await clock.run(600_000);
    expect(heard.filter((text) => text.includes("?away"))).toHaveLength(1);
    await relay.open("elm", waiting());
    await turn();
    expect(heard.filter((text) => text.includes("?away"))).toHaveLength(2);
  });

  it("is not asked where it has not said so", async () => {
    const { relay, side } = await asked(yamux);
    await (await relay.open("oak", waiting())).write(hello);
    expect(new TextDecoder().decode(await side.read())).not.toContain("?away");
  });

  it("is not believed where it says too much, junk, or nothing for long; streams go on", async () => {
    const long = `${"oak\n".repeat(16_000)}`;
    for (const texts of [[long, long], ["\0".repeat(60_000)], ["\n\n\n"]]) {
      const { relay, say } = await asked();
      await say(...texts);
      expect(relay.isAway("oak")).toBe(false);
      await (await relay.open("oak", waiting())).write(hello);
    }
    const { relay, clock, side, say } = await asked();
    await clock.run(3_000);
    await say("oak\n");
    expect(relay.isAway("oak")).toBe(false);
    expect(clock.pendingTimers).toBe(0);
    await side.read();
    expect([...(await side.read())!].slice(0, 4)).toEqual([0, FRAME_TYPES.WINDOW, 0, FLAGS.RST]);
  });
});
