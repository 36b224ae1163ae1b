import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import type { RelayOptions } from "./Relay.ts";
import type { RelayLimits } from "./relayLimits.ts";
import { closing, DEAD_TOKEN, ORIGIN, RelayStage, received, TOKEN, until } from "./testing/RelayStage.ts";
import { trusting } from "./testing/trusting.ts";

const MIB = 1024 * 1024;
let stage: RelayStage;

afterEach(() => stage.close());

async function play(serve: (socket: Socket) => void, options?: Partial<RelayOptions>): Promise<RelayStage> {
  stage = await RelayStage.start(serve, options);
  return stage;
}

const echo = (socket: Socket) => void socket.pipe(socket);
const silent = (socket: Socket) => void socket.resume();
const limits = (changed: Partial<RelayLimits>): Partial<RelayOptions> => ({ limits: changed });

describe("bytes", () => {
  it("go both ways unchanged, in whatever pieces they are sent", async () => {
    await play(echo);
    const pieces = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, async (sizes) => {
        const client = await stage.open();
        const sent = sizes.map((size) => randomBytes(size));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        let length = 0;
        client.on("message", (data: Buffer) => {
          length += data.length;
          if (length >= total) client.close();
        });
        const all = received(client);
        for (const piece of sent) client.send(piece);
        if (total === 0) client.close();
        expect((await all).equals(Buffer.concat(sent))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("of a hundred pages at once do not mix", async () => {
    await play(echo);
    const echoed = Array.from({ length: 100 }, async (_, index) => {
      const client = await stage.open();
      const sent = Buffer.alloc(30_000 + index, index);
      client.on("message", (data: Buffer) => {
        length += data.length;
        if (length === sent.length) client.close();
      });
      let length = 0;
      const all = received(client);
      client.send(sent);
      return (await all).equals(sent);
    });
    expect(await Promise.all(echoed)).toEqual(Array.from({ length: 100 }, () => true));
    await until(() => stage.relay.connections === 0 && stage.serverConnections === 0);
  });

  it("that the server sent before it ended all arrive, and then the end", async () => {
    const sent = randomBytes(3 * MIB);
    await play((socket) => void socket.end(sent));
    const client = stage.client();
    const [all, end] = await Promise.all([received(client), closing(client)]);
    expect(all.equals(sent)).toBe(true);
    expect(end).toEqual([SOCKET_CODES.SERVER_ENDED, "The server closed the connection"]);
  });

  it("that the page sent before it closed all arrive, and then the end", async () => {
    const sent = randomBytes(900_000);
    const pieces: Buffer[] = [];
    await play((socket) => void socket.on("data", (piece: Buffer) => pieces.push(piece)));
    const client = await stage.open();
    client.send(sent);
    client.close();
    await until(() => stage.relay.connections === 0 && stage.serverConnections === 0);
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
  });

  it("that wait for a slow browser are sent in larger messages, within bounds", async () => {
    await play((socket) => void socket.end(Buffer.alloc(40 * MIB)));
    const client = await stage.open();
    const sizes: number[] = [];
    client.on("message", (data: Buffer) => sizes.push(data.length));
    client.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.resume();
    await once(client, "close");
    expect(sizes.reduce((sum, size) => sum + size)).toBe(40 * MIB);
    // Node reads 64 KiB at a time.
    expect(Math.max(...sizes)).toBeGreaterThan(128 * 1024);
    expect(Math.max(...sizes)).toBeLessThan(320 * 1024);
  });
});

describe("a slow side", () => {
  /** How much was taken when nothing more has been taken for a while. */
  async function settled(taken: () => number): Promise<number> {
    for (let before = -1; before !== taken(); ) {
      before = taken();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return taken();
  }

  // What the system itself keeps on the way, on both connections.
  const KERNEL = 24 * MIB;

  it("in the browser stops the reading from the server, and loses nothing", async () => {
    const block = Buffer.alloc(MIB, 7);
    const total = 200;
    let accepted = 0;
    const talk = async (socket: Socket) => {
      for (let n = 0; n < total; n++) {
        await new Promise((resolve) => socket.write(block, resolve));
        accepted += block.length;
      }
      socket.end();
    };
    await play((socket) => void talk(socket));
    const client = await stage.open();
    client.pause();
    const before = process.memoryUsage().arrayBuffers;
    expect(await settled(() => accepted)).toBeLessThan(KERNEL);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(KERNEL);
    let length = 0;
    client.on("message", (data: Buffer) => {
      length += data.length;
    });
    client.resume();
    await once(client, "close");
    expect(length).toBe(total * MIB);
  });

  it("on the server stops the reading from the browser, and loses nothing", async () => {
    let server: Socket | undefined;
    await play((socket) => {
      server = socket;
      socket.pause();
    });
    const client = await stage.open();
    const total = 200;
    let accepted = 0;
    const sending = (async () => {
      for (let n = 0; n < total; n++) {
        await new Promise((resolve) => client.send(Buffer.alloc(MIB, 7), resolve));
        accepted += MIB;
      }
      client.close();
    })();
    expect(await settled(() => accepted)).toBeLessThan(KERNEL);
    let length = 0;
    server!.on("data", (piece: Buffer) => {
      length += piece.length;
    });
    server!.resume();
    await Promise.all([sending, once(server!, "end")]);
    expect(length).toBe(total * MIB);
  });

  it("that takes nothing at all is given up", async () => {
    await play((socket) => void socket.write(Buffer.alloc(100 * MIB)), limits({ idle: 300 }));
    const client = await stage.open();
    client.pause();
    await until(() => stage.log.some(({ event }) => event === "close"));
    expect(stage.log.at(-1)).toMatchObject({ event: "close", code: RELAY_CODES.IDLE });
    await until(() => stage.serverConnections === 0);
  });
});

describe("what ends a connection", () => {
  it("the server breaking off", async () => {
    await play((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    const client = await stage.open();
    client.send(Buffer.of(1));
    expect((await closing(client))[0]).toBe(RELAY_CODES.SERVER_BROKE_OFF);
    await until(() => stage.relay.connections === 0);
    expect(stage.log.at(-1)).toMatchObject({ event: "close", error: "ECONNRESET", toServer: 1, fromServer: 0 });
  });

  it("the page going away without a word", async () => {
    await play(silent);
    const client = await stage.open();
    await until(() => stage.serverConnections === 1);
    client.terminate();
    await until(() => stage.serverConnections === 0 && stage.relay.connections === 0);
    expect(stage.log.at(-1)).toMatchObject({ event: "close", code: SOCKET_CODES.NO_CLOSE });
  });

  it("silence, but not while one side speaks", async () => {
    await play(
      (socket) => {
        for (const ms of [150, 300, 450]) setTimeout(() => socket.write(`${ms}`), ms);
      },
      limits({ idle: 250 }),
    );
    const client = await stage.open();
    const [all, [code]] = await Promise.all([received(client), closing(client)]);
    expect(all.toString()).toBe("150300450");
    expect(code).toBe(RELAY_CODES.IDLE);
  });

  it("a text message, of which nothing is passed on", async () => {
    const heard: Buffer[] = [];
    await play((socket) => void socket.on("data", (piece: Buffer) => heard.push(piece)));
    const client = await stage.open();
    client.send("GET / HTTP/1.1");
    client.send(Buffer.of(1));
    expect(await closing(client)).toEqual([SOCKET_CODES.TEXT, "Text frames are not supported"]);
    await until(() => stage.serverConnections === 0);
    expect(heard).toEqual([]);
  });

  it("empty messages do not keep it open", async () => {
    await play(silent, limits({ idle: 300 }));
    const client = await stage.open();
    client.send(Buffer.of(1));
    const sending = setInterval(() => client.send(Buffer.of()), 20);
    expect((await closing(client))[0]).toBe(RELAY_CODES.IDLE);
    clearInterval(sending);
  });

  it("a message of more than a mebibyte, whole or in fragments", async () => {
    await play(echo);
    const whole = await stage.open();
    whole.send(Buffer.alloc(MIB + 1));
    expect((await closing(whole))[0]).toBe(SOCKET_CODES.TOO_LARGE);
    const parts = await stage.open();
    for (let n = 0; n < 3; n++) parts.send(Buffer.alloc(MIB / 2), { fin: n === 2 });
    expect((await closing(parts))[0]).toBe(SOCKET_CODES.TOO_LARGE);
    const most = await stage.open();
    most.send(Buffer.alloc(MIB));
    await once(most, "message");
  });

  it("a server that does not listen", async () => {
    await play(echo);
    const client = stage.client(`?token=${DEAD_TOKEN}`);
    client.on("open", () => client.send(Buffer.of(1)));
    expect(await closing(client)).toEqual([RELAY_CODES.SERVER_UNREACHABLE, "The server could not be connected to"]);
    await until(() => stage.relay.connections === 0);
    expect(stage.log.at(-1)).toMatchObject({ event: "close", server: DEAD_TOKEN, error: "ECONNREFUSED" });
  });

  it("not the first of a server's addresses, where another one takes the connection", async () => {
    await play(echo);
    const { port } = stage.relay;
    await stage.close();
    // The relay is gone from that port, and the next one has a server behind it.
    const good: { host: string; port: number }[] = [{ host: "127.0.0.1", port }];
    await play(echo, { servers: trusting(new Map([[TOKEN, good]])) });
    good.push({ host: "127.0.0.1", port: stage.serverPort });
    const client = await stage.open();
    client.send(Buffer.of(5));
    expect(((await once(client, "message")) as [Buffer])[0]).toEqual(Buffer.of(5));
  });
});

describe("who may", () => {
  it.each([
    "https://evil.example",
    "https://app.example.evil.example",
    "https://sub.app.example",
    "https://app.example:8443",
    "https://app.example/",
    "http://app.example",
    "HTTPS://APP.EXAMPLE",
    "https://other.example, https://app.example",
    "null",
    "",
  ])("not pages of %j", async (origin) => {
    await play(echo, { origins: [ORIGIN, "https://other.example"] });
    const client = stage.client(undefined, { origin });
    const [, response] = (await once(client, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(403);
    expect(stage.serverConnections).toBe(0);
    expect(stage.log).toMatchObject([{ event: "refused", why: "origin" }]);
  });

  it("pages of each origin that is named", async () => {
    await play(echo, { origins: [ORIGIN, "http://localhost:8410"] });
    for (const origin of [ORIGIN, "http://localhost:8410"]) await once(stage.client(undefined, { origin }), "open");
  });

  it("pages may ask whether they may", async () => {
    await play(echo);
    const ask = (origin: string) => fetch(`http://127.0.0.1:${stage.relay.port}/`, { headers: { Origin: origin } });
    const [mine, other] = [await ask(ORIGIN), await ask("https://evil.example")];
    expect([mine.status, other.status]).toEqual([426, 403]);
    expect(other.headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each([
    ["", "no token"],
    ["?token=", "an empty token"],
    ["?token=3WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg", "another server"],
    [`?token=${TOKEN}&token=${TOKEN}`, "two tokens"],
    [`?token=${TOKEN}%20`, "more than the token"],
    ["?token=__proto__", "a name that every object has"],
    ["?token=127.0.0.1:22", "an address"],
  ])("only with a server's token: %s, %s, is refused with a reason", async (query) => {
    await play(echo);
    expect(await closing(stage.client(query))).toEqual([
      RELAY_CODES.UNKNOWN_SERVER,
      "No server of this relay has that token",
    ]);
    expect(stage.serverConnections).toBe(0);
  });

  it("never sees a token that is none in the log: it may be a NURL with its secret", async () => {
    await play(echo);
    const nurl = encodeURIComponent(`pb://${TOKEN}@127.0.0.1:4001/gwnh6mfqmxo3bvjncrvsbmwv2e#v=1`);
    await closing(stage.client(`?token=${nurl}`));
    expect(JSON.stringify(stage.log)).not.toContain("gwnh6mfqmxo3bvjncrvsbmwv2e");
  });

  it("speaks the subprotocol binary where it is offered, and no other", async () => {
    await play(echo);
    const client = stage.client(undefined, { protocols: ["base64", "binary"] });
    await once(client, "open");
    expect(client.protocol).toBe("binary");
    expect((await stage.open()).protocol).toBe("");
  });

  it("under whatever path a proxy gives it", async () => {
    await play(echo);
    await stage.open(`some/where?x=1&token=${TOKEN}`);
  });
});

describe("limits", () => {
  it("so many connections of one address, and the place of one that left is free again", async () => {
    await play(echo, limits({ connectionsPerAddress: 2 }));
    const first = await stage.open();
    await stage.open();
    expect(await closing(stage.client())).toEqual([RELAY_CODES.TOO_MANY, "Too many connections"]);
    first.close();
    await until(() => stage.relay.connections === 1);
    const again = await stage.open();
    again.send(Buffer.of(1));
    await once(again, "message");
  });

  it("so many in all, whomever a proxy speaks for", async () => {
    await play(echo, { behindProxy: true, ...limits({ connections: 3, connectionsPerAddress: 2 }) });
    const from = (addresses: string) => stage.client(undefined, { headers: { "X-Forwarded-For": addresses } });
    const codes: (number | "open")[] = [];
    for (const addresses of ["192.0.2.1", "198.51.100.9, 192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
      const client = from(addresses);
      const refused = closing(client).then(([code]) => code);
      const answered = once(client, "open").then(() => new Promise<"open">((go) => setTimeout(() => go("open"), 100)));
      codes.push(await Promise.race([refused, answered]));
    }
    expect(codes).toEqual(["open", "open", RELAY_CODES.TOO_MANY, "open", RELAY_CODES.TOO_MANY]);
    expect(stage.log.filter(({ event }) => event === "refused").map(({ why }) => why)).toEqual([
      "address limit",
      "total limit",
    ]);
  });

  it("X-Forwarded-For means nothing without a proxy", async () => {
    await play(echo, limits({ connectionsPerAddress: 1 }));
    await stage.open();
    const other = stage.client(undefined, { headers: { "X-Forwarded-For": "192.0.2.9" } });
    expect((await closing(other))[0]).toBe(RELAY_CODES.TOO_MANY);
  });
});

describe("sockets that are no connection", () => {
  const from = (localAddress: string) => {
    const socket = connect({ port: stage.relay.port, host: "127.0.0.1", localAddress });
    socket.on("error", () => undefined);
    socket.resume();
    return socket;
  };
  /** Those that are still open after the relay has had time to look at all. */
  const kept = async (sockets: readonly Socket[]) => {
    await Promise.all(sockets.map((socket) => socket.closed || once(socket, "connect").catch(() => undefined)));
    await until(() => sockets.filter(({ closed }) => !closed).length === stage.relay.pendingSockets);
    return sockets.filter(({ closed }) => !closed);
  };
  const upgrade = (origin: string, extra = "") =>
    [
      `GET /?token=${TOKEN} HTTP/1.1`,
      "Host: relay",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      `Origin: ${origin}\r\n${extra}\r\n`,
    ].join("\r\n");

  it("silent ones count for their address, keep no other out, and end soon", async () => {
    await play(echo, limits({ connectionsPerAddress: 2, admission: 3_000 }));
    const silent = Array.from({ length: 80 }, () => from("127.0.0.1"));
    expect(await kept(silent)).toHaveLength(50);
    const other = new WebSocket(`ws://127.0.0.1:${stage.relay.port}/?token=${TOKEN}`, {
      localAddress: "127.0.0.2",
      origin: ORIGIN,
    });
    await once(other, "open");
    other.terminate();
    await until(() => silent.every(({ closed }) => closed));
    expect(stage.relay.pendingSockets).toBe(0);
  });

  it("refused ones count for whom a proxy speaks for, and end soon though they close nothing", async () => {
    await play(echo, { behindProxy: true, ...limits({ connectionsPerAddress: 2, admission: 3_000 }) });
    const refused = (address: string) => {
      const socket = connect({ port: stage.relay.port, host: "127.0.0.1", allowHalfOpen: true });
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(upgrade("https://evil.example", `X-Forwarded-For: ${address}\r\n`));
      return socket;
    };
    const many = Array.from({ length: 80 }, () => refused("192.0.2.1"));
    await until(() => stage.log.length === 80 && stage.relay.pendingSockets === 50);
    const other = refused("192.0.2.2");
    await until(() => stage.relay.pendingSockets === 51);
    await until(() => stage.relay.pendingSockets === 0);
    for (const socket of [...many, other]) socket.destroy();
  });

  it("a page that says nothing once it is connected is let go", async () => {
    await play(silent, limits({ firstByte: 200 }));
    const client = await stage.open();
    expect((await closing(client))[0]).toBe(RELAY_CODES.IDLE);
    await until(() => stage.serverConnections === 0);
  });

  it("one that breaks a rule and hears no close is let go", async () => {
    await play(silent, limits({ linger: 200 }));
    const socket = from("127.0.0.1");
    socket.write(upgrade(ORIGIN));
    await once(socket, "data");
    // A frame without a mask.
    socket.write(Buffer.of(0x82, 1, 1));
    await once(socket, "close");
    await until(() => stage.relay.connections === 0);
  });

  it("one that pings and reads no answer is let go: each ping keeps all that was read with it", async () => {
    await play((socket) => void socket.write(Buffer.alloc(100 * MIB)));
    const client = await stage.open();
    client.pause();
    client.send(Buffer.of(1));
    await until(() => stage.serverConnections === 1);
    // The relay's answers have to wait, once the system takes no more of what the server sends.
    for (let ping = 0; stage.relay.connections > 0; ping++) {
      client.ping();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(ping).toBeLessThan(40);
    }
    expect(stage.log.at(-1)).toMatchObject({ event: "close", code: SOCKET_CODES.NO_CLOSE });
  });

  it("a place is free again when the server's side is closed, too", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => void socket.resume().on("error", () => undefined));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const servers = trusting(new Map([[TOKEN, [{ host: "127.0.0.1", port }]]]));
    await play(echo, { servers, ...limits({ connectionsPerAddress: 1, linger: 1_000 }) });
    const first = await stage.open();
    first.send(Buffer.of(1));
    first.close();
    await until(() => stage.log.some(({ event }) => event === "close"));
    expect((await closing(stage.client()))[0]).toBe(RELAY_CODES.TOO_MANY);
    for (;;) {
      const next = stage.client();
      const refused = await Promise.race([closing(next), once(next, "open").then(() => undefined)]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (refused === undefined && next.readyState === WebSocket.OPEN) break;
    }
    server.close();
  });
});

it("says that it is well to whoever asks", async () => {
  await play(echo);
  const answer = await fetch(`http://127.0.0.1:${stage.relay.port}/healthz`);
  expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
});

describe("stopping", () => {
  it("closes what is open with 1001, takes no more and is done", async () => {
    await play(echo);
    const clients = await Promise.all([stage.open(), stage.open(), stage.open()]);
    const ends = Promise.all(clients.map(closing));
    await stage.relay.close();
    expect(await ends).toEqual(Array(3).fill([SOCKET_CODES.RELAY_STOPS, "The relay is being stopped"]));
    const late = stage.client();
    await once(late, "error");
    await until(() => stage.serverConnections === 0);
  });

  it("does not wait for a page that does not answer, or for one that says nothing", async () => {
    await play((socket) => void socket.write(Buffer.alloc(50 * MIB)), limits({ linger: 200 }));
    const stuck = await stage.open();
    stuck.pause();
    const mute = connect(stage.relay.port, "127.0.0.1");
    mute.on("error", () => undefined);
    const left = once(mute, "close");
    await once(mute, "connect");
    await until(() => stage.serverConnections === 1);
    await stage.relay.close();
    await left;
  });
});

it("lives on after requests that are none", async () => {
  await play(echo);
  for (const text of [
    "\0\r\n\r\n",
    "GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ${ORIGIN}\r\n\r\n`,
    `GET //[ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ${ORIGIN}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x01\x02\x03`,
  ]) {
    const socket = connect(stage.relay.port, "127.0.0.1");
    socket.write(text);
    socket.resume();
    await once(socket, "close");
  }
  const client = await stage.open();
  client.send(Buffer.of(1));
  await once(client, "message");
});
